"""From specs to a comparison: every candidate answers every case, is judged, and is compared with its baseline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

from toolmark.benchmark.candidates.spec import Candidate, resolve
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.engine.engines import Engines
from toolmark.benchmark.evaluation.contestant import Contestant, contestants
from toolmark.benchmark.evaluation.recipe_making import RecipeMaking
from toolmark.benchmark.evaluation.report_data import gather, provenance
from toolmark.benchmark.evaluation.request import Request, check, check_candidates, shipped_cases
from toolmark.benchmark.readers.case_selection import limited, load_cases
from toolmark.benchmark.runs.generation import Run, generate, open_run
from toolmark.benchmark.runs.inspect_task import judge, recorded_grades
from toolmark.benchmark.runs.replay import read_replay
from toolmark.benchmark.runs.run_folders import check_writable
from toolmark.benchmark.scoring.execution import Executor
from toolmark.benchmark.scoring.grades import Grade, grade
from toolmark.benchmark.verdicts.comparison import Comparison, compare_sides
from toolmark.benchmark.verdicts.fairness import mismatches
from toolmark.benchmark.verdicts.verdict import MARGIN

__all__ = ["Evaluation", "Observer", "compare", "compare_recorded", "evaluate"]

Progress = Callable[[int, int], None]
"""Called with (done, total) while a run is generated."""


class Observer:
    """Is told how an evaluation goes on. This one ignores it; derive from it to show something."""

    def say(self, line: str) -> None:
        """Something that a user should know, such as the command that makes a recipe's adapter."""

    def generating(self, contestant: Contestant, *, alone: bool) -> AbstractContextManager[Progress]:
        """Around the generation of one run; gives what is called with (done, total).

        Args:
            contestant: Who answers.
            alone: Whether nothing else writes to the terminal meanwhile.
        """
        del contestant, alone
        return nullcontext(lambda *_: None)


class Evaluation:
    """A request on its way to a comparison.

    To construct one reads cases and specs and checks every option, without torch, without the network and without
    writing anything. `run` does the rest.

    Args:
        request: What is asked for.
        recorded: Every candidate is a recording: nothing is written, and each may lack cases.

    Attributes:
        request: What is asked for.
        contestants: In the order shown.
        cases: Those that will be judged.
        skipped: Rows of the case files that could not be read.

    Raises:
        InputError: An option, a spec or a case file is wrong.
        NothingToDo: No case is selected.
    """

    def __init__(self, request: Request, *, recorded: bool = False) -> None:
        check(request)
        self.request = request
        self._recorded = recorded
        candidates = request.candidates()
        check_candidates(request, [candidate for candidate, _ in candidates])
        self.contestants = contestants(request, candidates)
        self._loaded, self.skipped = load_cases(request.cases, request.split, request.tools, request.skip_bad)
        self.cases = limited(self._loaded, request.limit, request.seed)

    @property
    def available(self) -> int:
        """How many cases there are, of which `cases` may be a sample."""
        return len(self._loaded)

    def run(self, observer: Observer | None = None, *, logs: bool = True, report: bool = False) -> Comparison:
        """Generate what is missing, judge everything, and compare.

        Args:
            observer: Is told how it goes on.
            logs: Write an Inspect log of each run that is no recording.
            report: Gather what a report shows beside the figures.

        Raises:
            InputError: A recipe, a spec or a recording is wrong; with `strict_identity`, two sides were asked
                differently.
            EnvironmentFault: Weights, network, disk or a lock is not available.
            BrokenJudge: The harness itself failed on a case.
        """
        if not self._recorded:
            check_writable(self.request.runs)
        self._generate(observer or Observer())
        self._judge(logs=logs and not self._recorded)
        sides = [contestant.side() for contestant in self.contestants]
        data = None
        if report:
            whence = provenance(self.request, self.contestants, self._judged_cases)
            data = gather(self._judged_cases, sides, self.contestants[0].dialect, whence)
        return compare_sides(sides, self.request.margin, data)

    def _generate(self, observer: Observer) -> None:
        """Open and fill every run in the order shown; one answers while the recipe of another is made."""
        engines = Engines(self.request.run_options.decoding, self.request.threads, self.request.served_requests)
        with RecipeMaking([contestant.candidate for contestant in self.contestants], observer.say) as making:
            if self.request.strict_identity:
                wait(making.ready)
            futures = dict(zip(self.contestants, making.ready, strict=True))
            opened = {one: self._open(one, future) for one, future in futures.items() if future.done()}
            if self.request.strict_identity:
                self._refuse_mismatches(opened)
            for contestant, future in futures.items():
                contestant.run = opened.get(contestant) or self._open(contestant, future)
                alone = all(other.done() for other in futures.values())
                with observer.generating(contestant, alone=alone) as progress:
                    generate(
                        contestant.run,
                        self.cases,
                        self.request.run_options,
                        engines,
                        progress,
                        partial=self._may_lack_cases(contestant),
                        available=self._loaded,
                    )

    def _may_lack_cases(self, contestant: Contestant) -> bool:
        """Whether a recording of it may lack cases: a named baseline is compared on what both sides have."""
        return self._recorded or (self.request.baseline is not None and contestant is self.contestants[0])

    def _open(self, contestant: Contestant, future: Future[Candidate]) -> Run:
        contestant.candidate = future.result()
        return open_run(contestant.candidate, contestant.dialect, self.request.run_options)

    def _refuse_mismatches(self, runs: Mapping[Contestant, Run]) -> None:
        for contestant, run in runs.items():
            base = runs[contestant.baseline or contestant]
            found = mismatches((base.identity, {}), (run.identity, {}))
            if found:
                first = found[0]
                raise InputError(
                    f"{contestant.name} and its baseline differ in {first.field}: {first.candidate} and "
                    f"{first.baseline}",
                    "Run both sides in the same way, or leave --strict-identity out to have the difference shown only.",
                )

    @property
    def _judged_cases(self) -> Sequence[Case]:
        """Without those whose prompt does not fit the context of a contestant."""
        too_long = {
            case_id
            for contestant in self.contestants
            if contestant.candidate.kind != "replay"
            for case_id in contestant.run.missing
        }
        return [case for case in self.cases if case.id not in too_long]

    def _judge(self, *, logs: bool) -> None:
        with Executor(self.request.execute) as executor:
            for contestant in self.contestants:
                contestant.grades = self._grades(contestant, self._judged_cases, executor, logs=logs)

    def _grades(
        self, contestant: Contestant, cases: Sequence[Case], executor: Executor, *, logs: bool
    ) -> Sequence[Grade]:
        run = contestant.run
        as_recorded = self.request.as_recorded and contestant is self.contestants[0]
        if logs and not as_recorded:
            return judge(run, cases, executor, self.request.epochs)
        grades = [
            grade(case, completion, run.dialect, executor, epoch)
            for case in cases
            for epoch in range(1, self.request.epochs + 1)
            if (completion := run.completions.get((case.id, epoch))) is not None
        ]
        return recorded_grades(Path(run.candidate.base).parent, grades) if as_recorded else grades


def evaluate(
    request: Request, observer: Observer | None = None, *, logs: bool = True, report: bool = False
) -> Comparison:
    """Let every candidate of a request answer its cases, judge the answers, and compare.

    Args:
        request: What is asked for.
        observer: Is told how it goes on.
        logs: Write an Inspect log of each run.
        report: Gather what a report shows beside the figures.

    Raises:
        ToolmarkError: As `Evaluation` and `Evaluation.run`.
    """
    return Evaluation(request).run(observer, logs=logs, report=report)


def compare_recorded(request: Request, *, report: bool = False) -> Comparison:
    """Judge recorded runs again, each on the cases that it has. Nothing is generated or written.

    As many epochs are judged as the runs hold.

    Args:
        request: Whose models and baseline are recorded runs.
        report: Gather what a report shows beside the figures.

    Raises:
        InputError: A spec is no recorded run, or an option is wrong.
    """
    epochs = 1
    for spec in (*request.models, *filter(None, [request.baseline])):
        candidate = resolve(spec)
        if candidate.kind != "replay":
            raise InputError(f"{spec} is not a recorded run", "Name a folder under runs/, or a ledger.jsonl.")
        epochs = max(epochs, read_replay(Path(candidate.base)).epochs)
    if epochs > 1:  # a request for epochs needs a temperature; recordings have theirs
        request = replace(request, epochs=epochs, temperature=1.0)
    return Evaluation(request, recorded=True).run(report=report)


def compare(baseline: str, *runs: str, cases: str | None = None, margin: float = MARGIN) -> Comparison:
    """Compare recorded runs with a baseline. Nothing is generated or written.

    Args:
        baseline: Folder or ledger of a run.
        runs: Folders or ledgers of the runs that are compared with it.
        cases: The cases that they answered; the shipped ones where not given. Cases that a run lacks are left out.
        margin: Half-width of the range around 0 in which a difference does not matter, as a share.

    Raises:
        InputError: A spec is no recorded run, or an option is wrong.
    """
    chosen = cases or shipped_cases()
    return compare_recorded(Request(models=runs, baseline=baseline, cases=chosen, margin=margin))
