"""Defines what an evaluation does with its cases. There are two kinds of cases: single answers, and scenarios."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from toolmark.benchmark.core.errors import InputError, NothingToDo
from toolmark.benchmark.core.hashing import digest
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.data.scenarios import Scenario
from toolmark.benchmark.engine.engines import Engines
from toolmark.benchmark.engine.generation_progress import Forecast
from toolmark.benchmark.evaluation.contestant import Contestant
from toolmark.benchmark.readers import BadRow
from toolmark.benchmark.readers.case_selection import skipped_lines
from toolmark.benchmark.tools.sources import SourceNote
from toolmark.benchmark.verdicts.report_data import ReportData

__all__ = ["CaseSet", "answered_set_hash", "case_set_hash", "judged_cases", "unused_lines"]

C = TypeVar("C", Case, Scenario)


class CaseSet(Protocol):
    """The cases of an evaluation, and how they are answered and judged.

    Attributes:
        cases: The cases that will be judged.
        available: Number of cases before `--limit` is applied.
        skipped: Rows of the case files that could not be read.
        tool_notes: Lines for the user about parts of `--tools` that cannot be used as tools.
        checked: Ids of the metrics that can be checked and can have a floor.
        noun: What the cases are called, in the plural.
    """

    @property
    def cases(self) -> Sequence[Case] | Sequence[Scenario]: ...  # noqa: D102
    @property
    def available(self) -> int: ...  # noqa: D102
    @property
    def skipped(self) -> Sequence[BadRow]: ...  # noqa: D102
    @property
    def tool_notes(self) -> Sequence[SourceNote]: ...  # noqa: D102
    @property
    def checked(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def noun(self) -> str: ...  # noqa: D102

    def notes(self) -> Iterator[str]:
        """Yield lines for the user about the tools, before the evaluation."""
        ...

    def generate(
        self, contestant: Contestant, engines: Engines, forecast: Callable[[Forecast], None], *, partial: bool
    ) -> None:
        """Let a contestant answer the cases. Answers in the ledger are reused.

        Args:
            contestant: The contestant. Its run is open.
            engines: Opens the engine.
            forecast: A function that is called with the first estimate of the time of the run.
            partial: Only for a recording: whether cases are allowed to be missing.
        """
        ...

    def judge(self, contestants: Sequence[Contestant], *, logs: bool) -> None:
        """Set the grades of all contestants.

        Args:
            contestants: The contestants. Their runs are complete.
            logs: Whether to write an Inspect log of each run.

        Raises:
            NothingToDo, InputError: As in `judged_cases`.
        """
        ...

    def report(self, contestants: Sequence[Contestant]) -> ReportData:
        """Return the additional data of a report."""
        ...


def unused_lines(case_set: CaseSet) -> list[str]:
    """Return lines for the user about rows of case files and parts of `--tools` that cannot be used."""
    return [*skipped_lines(case_set.skipped), *(f"--tools: {note}" for note in case_set.tool_notes)]


def case_set_hash(cases: Sequence[Case | Scenario]) -> str:
    """Return a hash of the cases and of what is right in them. The order of the cases does not change it."""
    return digest(sorted((case.id, case.gold_hash) for case in cases))


def answered_set_hash(cases: Sequence[Case] | Sequence[Scenario], contestants: Sequence[Contestant]) -> str:
    """Return a hash of the cases that the contestants answered, and of what is right in them.

    If the contestants answered different cases, the hash depends on the cases of each of them and on its name. So
    contestants of the same name in two reports with the same hash answered the same cases.
    """
    answered = {one.name: {grade.case_id for grade in one.grades} for one in contestants}
    hashes = {name: case_set_hash([case for case in cases if case.id in ids]) for name, ids in answered.items()}
    different = sorted(set(hashes.values()))
    return different[0] if len(different) == 1 else digest(sorted(hashes.items()))


def judged_cases(cases: Sequence[C], contestants: Sequence[Contestant]) -> list[C]:
    """Return the cases that no contestant left out because they are too long.

    Raises:
        NothingToDo: Every case is too long for a contestant.
        InputError: A contestant has an answer to none of these cases.
    """
    too_long = {case_id for contestant in contestants for case_id in contestant.run.too_long}
    judged = [case for case in cases if case.id not in too_long]
    if not judged:
        names = ", ".join(contestant.name for contestant in contestants if contestant.run.too_long)
        raise NothingToDo(
            f"all {len(cases)} cases are left out, because they are too long for {names}",
            "Allow only shorter answers, with --max-tokens N. Or give other cases: --cases PATH",
        )
    for contestant in contestants:
        if {case.id for case in judged} <= set(contestant.run.missing):
            raise InputError(
                f"{contestant.name} answers none of the {len(judged)} cases that are left",
                "Give the cases that it answered: --cases PATH",
            )
    return judged
