"""The cases of an evaluation in which a model holds conversations: scenarios."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.progress import counting, phase
from toolmark.benchmark.data.scenarios import Scenario
from toolmark.benchmark.engine.engines import Engines
from toolmark.benchmark.engine.generation_progress import Forecast
from toolmark.benchmark.evaluation.case_set import judged_cases
from toolmark.benchmark.evaluation.contestant import Contestant
from toolmark.benchmark.evaluation.conversation_report import gather_conversations
from toolmark.benchmark.evaluation.report_data import provenance_of
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.evaluation.scenario_sources import ScenarioSource
from toolmark.benchmark.readers.case_selection import limited
from toolmark.benchmark.runs.conversation_loop import converse
from toolmark.benchmark.runs.conversation_task import judge_conversations
from toolmark.benchmark.scoring.gold_conversations import gold_script, play, succeeds
from toolmark.benchmark.scoring.metric_sets import checked_conversation_metrics
from toolmark.benchmark.scoring.turn_demands import PlayedTurn
from toolmark.benchmark.tools.sandbox import Sandbox
from toolmark.benchmark.tools.sources import SourceNote
from toolmark.benchmark.tools.worlds.world_session import StateError, world_sandbox
from toolmark.benchmark.verdicts.report_data import ReportData

__all__ = ["ScenarioCases"]


class ScenarioCases:
    """Reads scenarios, lets contestants hold the conversations, and judges them. See `CaseSet`.

    Args:
        request: The request.
        source: Where the scenarios come from.

    Raises:
        InputError: A scenario is invalid, or an option has no meaning for scenarios.
        NothingToDo: No scenario is selected.
    """

    noun = "scenarios"
    tool_notes: Sequence[SourceNote] = ()
    checked: Sequence[str] = checked_conversation_metrics()

    def __init__(self, request: Request, source: ScenarioSource) -> None:
        for flag, given in (
            ("--stop-at-call", request.stop_at_call),
            ("--as-recorded", request.as_recorded),
            ("--workers", request.workers),
            ("--ray", request.ray),
        ):
            if given:
                raise InputError(f"{flag} has no meaning for scenarios", f"Leave {flag} out.")
        self._request, self._source, self._world = request, source, source.world
        self._loaded, self.skipped = source.read(skip_bad=request.skip_bad)
        self.cases = limited(self._loaded, request.limit, request.seed)
        self._gold: Mapping[str, Sequence[PlayedTurn]] = {}

    @property
    def available(self) -> int:
        """Return the number of scenarios before `--limit` is applied."""
        return len(self._loaded)

    def notes(self) -> Iterator[str]:
        """Yield nothing. The only worlds that run are the shipped worlds, and the world that the user named."""
        return iter(())

    def generate(
        self,
        contestant: Contestant,
        engines: Engines,
        forecast: Callable[[Forecast], None],  # noqa: ARG002 - the number of steps is not known before
        *,
        partial: bool,
    ) -> None:
        """Let a contestant hold the conversations. The gold of all scenarios is played before the first contestant."""
        with world_sandbox() as sandbox:
            self._gold = self._gold or self._played_gold(sandbox)
            converse(
                contestant.run,
                self.cases,
                {scenario_id: gold[0].before for scenario_id, gold in self._gold.items()},
                self._world,
                sandbox,
                self._request.run_options,
                engines,
                partial=partial,
            )

    def _played_gold(self, sandbox: Sandbox) -> Mapping[str, Sequence[PlayedTurn]]:
        played: dict[str, Sequence[PlayedTurn]] = {}
        for one in counting(self.cases, "golds played", len(self.cases), "scenario"):
            try:
                gold = played[one.id] = play(one, gold_script(one), self._world(one.world), sandbox)
            except StateError as error:
                raise InputError(f"the scenario {one.source.ref} is wrong. {error.what}", self._source.remedy) from None
            if one.waiver is None and not succeeds(one, gold, gold):
                faults = (call for turn in gold for call in turn.calls if call.result.is_fault)
                why = next((f": {call.call.name}: {call.result.error}" for call in faults), "")
                raise InputError(
                    f"the gold of the scenario {one.source.ref} does not meet the demands of the scenario{why}",
                    self._source.remedy,
                )
        return played

    def judge(self, contestants: Sequence[Contestant], *, logs: bool) -> None:
        """Judge the conversations."""
        scenarios = judged_cases(self.cases, contestants)
        for contestant in contestants:
            with phase("judging", name=contestant.name):
                contestant.grades = judge_conversations(contestant.run, scenarios, self._gold, logs=logs)

    def report(self, contestants: Sequence[Contestant]) -> ReportData:
        """Return the additional data of a report."""
        scenarios: list[Scenario] = judged_cases(self.cases, contestants)
        provenance = provenance_of(self._request, contestants, scenarios)
        sides = [contestant.side() for contestant in contestants]
        played = [{key: held.turns for key, held in contestant.run.conversations.items()} for contestant in contestants]
        return gather_conversations(scenarios, sides, played, self._gold, provenance)
