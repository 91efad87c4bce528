"""The cases of an evaluation in which a model holds conversations: scenarios."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.progress import counting, phase
from toolmark.benchmark.data.scenarios import Scenario
from toolmark.benchmark.data.shipped_cases import named_case_set, shipped_cases
from toolmark.benchmark.engine.engines import Engines
from toolmark.benchmark.engine.generation_progress import Forecast
from toolmark.benchmark.evaluation.case_set import judged_cases
from toolmark.benchmark.evaluation.contestant import Contestant
from toolmark.benchmark.evaluation.conversation_report import gather_conversations
from toolmark.benchmark.evaluation.report_data import provenance_of
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.readers import BadRow
from toolmark.benchmark.readers.case_selection import Split, case_files, limited
from toolmark.benchmark.readers.scenarios import holds_scenarios, load_scenarios
from toolmark.benchmark.runs.conversation_loop import converse
from toolmark.benchmark.scoring.conversation_grades import grade_conversation
from toolmark.benchmark.scoring.gold_conversations import gold_script, play
from toolmark.benchmark.scoring.metric_sets import checked_conversation_metrics
from toolmark.benchmark.scoring.turn_demands import PlayedTurn
from toolmark.benchmark.tools.sandbox import Sandbox
from toolmark.benchmark.tools.sources import SourceNote
from toolmark.benchmark.tools.worlds.world_names import WorldNames
from toolmark.benchmark.tools.worlds.world_session import world_sandbox
from toolmark.benchmark.verdicts.report_data import ReportData

__all__ = ["ScenarioCases", "scenario_source"]


def scenario_source(cases: str, split: Split) -> Path | None:
    """Return the path of the scenarios that `--cases` names. Return None if `--cases` names something else.

    Args:
        cases: The value of `--cases`.
        split: The split to read from a folder.

    Raises:
        InputError: A file cannot be read, or the folder has no file of the split.
    """
    name = named_case_set(cases)
    path = Path(shipped_cases(name) if name else cases).expanduser()
    return path if path.exists() and holds_scenarios(case_files(path, split)[0]) else None


class ScenarioCases:
    """Reads scenarios, lets contestants hold the conversations, and judges them. See `CaseSet`.

    Args:
        request: The request.
        source: The file or folder of the scenarios.

    Raises:
        InputError: A scenario or `--tools` is invalid, or an option has no meaning for scenarios.
        NothingToDo: No scenario is selected.
    """

    noun = "scenarios"
    skipped: Sequence[BadRow] = ()
    tool_notes: Sequence[SourceNote] = ()
    checked: Sequence[str] = checked_conversation_metrics()

    def __init__(self, request: Request, source: Path) -> None:
        for flag, given in (("--stop-at-call", request.stop_at_call), ("--as-recorded", request.as_recorded)):
            if given:
                raise InputError(f"{flag} has no meaning for scenarios", f"Leave {flag} out.")
        self._request = request
        self._worlds = WorldNames(request.tools)
        self._loaded = load_scenarios(source, request.split, self._worlds)
        self.cases = limited(self._loaded, request.limit, request.seed)
        self._gold: Mapping[str, Sequence[PlayedTurn]] = {}

    @property
    def available(self) -> int:
        """Return the number of scenarios before `--limit` is applied."""
        return len(self._loaded)

    def notes(self) -> Iterator[str]:
        """Yield nothing. Only shipped worlds and the world of `--tools` run."""
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
                self._worlds.resolve,
                sandbox,
                self._request.run_options,
                engines,
                partial=partial,
            )

    def _played_gold(self, sandbox: Sandbox) -> Mapping[str, Sequence[PlayedTurn]]:
        scenarios = counting(self.cases, "golds played", len(self.cases), "scenario")
        return {one.id: play(one, gold_script(one), self._worlds.resolve(one.world), sandbox) for one in scenarios}

    def judge(self, contestants: Sequence[Contestant], *, logs: bool) -> None:  # noqa: ARG002
        """Judge the conversations. No Inspect log is written."""
        scenarios = {scenario.id: scenario for scenario in judged_cases(self.cases, contestants)}
        for contestant in contestants:
            with phase("judging", name=contestant.name):
                contestant.grades = [
                    grade_conversation(scenarios[scenario_id], conversation, self._gold[scenario_id])
                    for (scenario_id, _), conversation in contestant.run.conversations.items()
                    if scenario_id in scenarios
                ]

    def report(self, contestants: Sequence[Contestant]) -> ReportData:
        """Return the additional data of a report."""
        scenarios: list[Scenario] = judged_cases(self.cases, contestants)
        provenance = provenance_of(self._request, contestants, scenarios)
        return gather_conversations(scenarios, [contestant.side() for contestant in contestants], provenance)
