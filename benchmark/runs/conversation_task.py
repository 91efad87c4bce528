"""Grades the conversations of a run in an Inspect eval, which writes the `.eval` log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.data.scenarios import Scenario
from toolmark.benchmark.runs.inspect_task import log_grades
from toolmark.benchmark.runs.run import Run
from toolmark.benchmark.scoring.conversation_grades import ConversationGrade, grade_conversation
from toolmark.benchmark.scoring.conversation_metrics import CONVERSATION_PRIMARY
from toolmark.benchmark.scoring.turn_demands import PlayedTurn

__all__ = ["judge_conversations"]


def judge_conversations(
    run: Run,
    scenarios: Sequence[Scenario],
    gold: Mapping[str, Sequence[PlayedTurn]],
    *,
    logs: bool,
) -> list[ConversationGrade]:
    """Grade the conversations of a run.

    Args:
        run: The run.
        scenarios: The scenarios. Scenarios that the run lacks are left out.
        gold: The turns of the gold, by the id of the scenario.
        logs: Whether to write an `.eval` log into the folder of the run.

    Returns:
        The grades in the order of `scenarios`. For each scenario, the grades of its epochs follow each other.

    Raises:
        EnvironmentFault, BrokenJudge: As in `log_grades`.
    """
    held = [scenario for scenario in scenarios if scenario.id not in run.missing]
    by_id = {scenario.id: scenario for scenario in held}

    def grade_of(scenario_id: str, epoch: int, _: Completion | None = None) -> ConversationGrade:
        return grade_conversation(by_id[scenario_id], run.conversations[scenario_id, epoch], gold[scenario_id])

    if not logs:
        return [grade_of(scenario_id, epoch) for scenario_id in by_id for epoch in range(1, run.epochs + 1)]
    from inspect_ai.dataset import Sample
    from inspect_ai.model import ChatMessageUser

    samples = [
        Sample(
            id=scenario.id,
            input=[ChatMessageUser(content=turn.user) for turn in scenario.turns],
            target=[turn.gold.answer for turn in scenario.turns],
            metadata={"source": scenario.source.model_dump(), "world": scenario.world, "tags": dict(scenario.tags)},
        )
        for scenario in held
    ]
    refs = {scenario.id: scenario.source.ref for scenario in held}
    return log_grades(run, samples, refs, grade_of, CONVERSATION_PRIMARY, {})
