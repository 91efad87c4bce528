"""The cases of an evaluation in which a model gives one answer to each case."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from toolmark.benchmark.core.progress import counting, phase
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.engine.engines import Engines
from toolmark.benchmark.engine.generation_progress import Forecast
from toolmark.benchmark.evaluation.case_set import judged_cases
from toolmark.benchmark.evaluation.contestant import Contestant
from toolmark.benchmark.evaluation.report_data import gather, provenance_of
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.readers.case_selection import limited, load_cases
from toolmark.benchmark.runs.generation import generate
from toolmark.benchmark.runs.inspect_task import judge, recorded_grades
from toolmark.benchmark.runs.missing_answers import MissingAnswers
from toolmark.benchmark.scoring.execution import Executor
from toolmark.benchmark.scoring.grades import Grade, grade
from toolmark.benchmark.scoring.metrics import checked_metrics
from toolmark.benchmark.tools.toolbox_names import named_tools
from toolmark.benchmark.tools.trusted_tools import TRUSTED
from toolmark.benchmark.verdicts.report_data import ReportData

__all__ = ["SingleTurnCases"]


class SingleTurnCases:
    """Reads cases, lets contestants answer them, and judges the answers. See `CaseSet`.

    Args:
        request: The request.

    Raises:
        InputError: A case file or `--tools` is invalid.
        NothingToDo: No case is selected.
    """

    noun = "cases"

    def __init__(self, request: Request) -> None:
        self._request = request
        self._loaded, self.skipped = load_cases(request.cases, request.split, request.tools, request.skip_bad)
        self.cases = limited(self._loaded, request.limit, request.seed)
        self._named = named_tools(request.tools)
        self.tool_notes = self._named.notes
        self.checked = (*checked_metrics(), *request.gates)

    @property
    def available(self) -> int:
        """Return the number of cases before `--limit` is applied."""
        return len(self._loaded)

    def notes(self) -> Iterator[str]:
        """Yield lines about tools that are not trusted, or that are trusted because of an option."""
        with self._executor() as executor:
            if note := executor.note_on_untrusted(self.cases):
                yield note
        if self._request.trust_data_tools:
            yield TRUSTED

    def generate(
        self, contestant: Contestant, engines: Engines, forecast: Callable[[Forecast], None], *, partial: bool
    ) -> None:
        """Generate the missing answers of a contestant."""
        generate(
            contestant.run,
            self.cases,
            self._request.run_options,
            engines,
            forecast,
            partial=partial,
            available=self._loaded,
            left_out=frozenset(row.ref for row in self.skipped if row.ref is not None),
        )

    def missing_answers(self, contestant: Contestant) -> MissingAnswers:
        """Return the answers that a contestant has still to give. Its ledger is opened."""
        return MissingAnswers(contestant.run, self.cases, self._request.run_options)

    def judge(self, contestants: Sequence[Contestant], *, logs: bool) -> None:
        """Judge the answers. With `as_recorded`, the recorded grades of the first contestant are used."""
        cases = judged_cases(self.cases, contestants)
        with self._executor() as executor:
            for contestant in contestants:
                as_recorded = self._request.as_recorded and contestant is contestants[0]
                with phase("judging", name=contestant.name):
                    contestant.grades = self._grades(contestant, cases, executor, logs=logs, as_recorded=as_recorded)

    def _executor(self) -> Executor:
        request = self._request
        return Executor(request.execute, self._named.tools, trust_data=request.trust_data_tools)

    def _grades(
        self, contestant: Contestant, cases: Sequence[Case], executor: Executor, *, logs: bool, as_recorded: bool
    ) -> Sequence[Grade]:
        run = contestant.run
        if logs and not as_recorded:
            return judge(run, cases, executor)
        answers = [
            (case, completion, epoch)
            for case in cases
            for epoch in range(1, run.epochs + 1)
            if (completion := run.completions.get((case.id, epoch))) is not None
        ]
        grades = [
            grade(case, completion, run.dialect, executor, epoch)
            for case, completion, epoch in counting(answers, "answers judged", len(answers), "answer")
        ]
        return recorded_grades(Path(run.candidate.base).parent, grades) if as_recorded else grades

    def report(self, contestants: Sequence[Contestant]) -> ReportData:
        """Return the additional data of a report."""
        cases = judged_cases(self.cases, contestants)
        provenance = provenance_of(self._request, contestants, cases)
        return gather(cases, [contestant.side() for contestant in contestants], contestants[0].dialect, provenance)
