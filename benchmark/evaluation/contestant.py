"""A candidate in one evaluation, with its dialect, run, grades and baseline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from toolmark.benchmark.candidates.dialect_choice import family_dialect, trained_dialect
from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.registry import load
from toolmark.benchmark.data.record import TrainingRecord
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.runs.generation import Run
from toolmark.benchmark.runs.replay import read_replay
from toolmark.benchmark.scoring.grades import Grade
from toolmark.benchmark.verdicts.comparison import Side

__all__ = ["Contestant", "contestants"]


@dataclass(slots=True, eq=False)
class Contestant:
    """A candidate in one evaluation.

    Attributes:
        name: Unique in the evaluation.
        candidate: Who answers; a recipe is replaced by the adapter that it makes, once that is there.
        dialect: In which tools are shown and calls are read.
        dialect_reason: Why in this one.
        baseline: The contestant that it is compared with.
        grades: One a completion, once they are judged.
    """

    name: str
    candidate: Candidate
    dialect: Dialect
    dialect_reason: str
    baseline: Contestant | None
    grades: Sequence[Grade] = ()
    _run: Run | None = field(default=None, init=False, repr=False)

    @property
    def run(self) -> Run:
        """Its run. Raises `RuntimeError` before it is opened."""
        if self._run is None:
            raise RuntimeError(f"the run of {self.name} is not opened yet")
        return self._run

    @run.setter
    def run(self, run: Run) -> None:
        self._run = run

    @property
    def training(self) -> TrainingRecord | None:
        """How its weights were made, where a record says so."""
        return TrainingRecord.of(self.run.training)

    def side(self) -> Side:
        """What a comparison needs of it."""
        return Side(
            name=self.name,
            grades=self.grades,
            completions=self.run.completions,
            baseline=None if self.baseline is None else self.baseline.name,
            run=self.run.folder.name,
            identity=self.run.identity,
            environment=self.run.environment,
            training=self.training,
        )


def contestants(request: Request, candidates: Sequence[tuple[Candidate, int | None]]) -> list[Contestant]:
    """A contestant for each candidate, given with the index of the one that it is compared with.

    Raises:
        InputError: A dialect is unknown, or contradicts a recording; adapters were trained in different dialects.
    """
    every = [candidate for candidate, _ in candidates]
    found: list[Contestant] = []
    for name, (candidate, baseline) in zip(_names(every), candidates, strict=True):
        dialect, reason = _dialect(request, candidate, every)
        found.append(Contestant(name, candidate, dialect, reason, None if baseline is None else found[baseline]))
    return found


def _names(candidates: Sequence[Candidate]) -> list[str]:
    """The candidates' names, numbered where several have the same."""
    counts = Counter(candidate.name for candidate in candidates)
    seen: Counter[str] = Counter()
    names = []
    for candidate in candidates:
        seen[candidate.name] += 1
        names.append(f"{candidate.name}#{seen[candidate.name]}" if counts[candidate.name] > 1 else candidate.name)
    return names


def _dialect(request: Request, candidate: Candidate, candidates: Sequence[Candidate]) -> tuple[Dialect, str]:
    """The dialect of a candidate, and why that one."""
    name, reason = request.dialect, "as asked"
    if candidate.kind == "replay":
        recorded = read_replay(Path(candidate.base)).dialect
        if recorded is None and name is None:
            raise InputError(
                f"{candidate.base} does not say in which dialect it was recorded", "Choose it: --dialect NAME"
            )
        if recorded is not None:
            if name not in (None, recorded):
                raise InputError(f"{candidate.base} was recorded in the dialect {recorded}", "Leave --dialect out.")
            name, reason = recorded, "as recorded"
    if name is None:
        name, reason = _default_dialect(candidate, candidates)
    return load("toolmark.dialects", name)(), reason


def _default_dialect(candidate: Candidate, candidates: Sequence[Candidate]) -> tuple[str, str]:
    """The adapters' dialect, for their base too; else the candidate's own or its family's; else `tagged`."""
    trained = {dialect for other in candidates if other.adapter and (dialect := trained_dialect(other))}
    if len(trained) > 1:
        raise InputError(
            f"the adapters were trained in different dialects: {', '.join(sorted(trained))}",
            "Judge them one at a time, or choose one with --dialect.",
        )
    if trained:
        return trained.pop(), "the adapter's own"
    if own := trained_dialect(candidate):
        return own, "its own"
    if found := family_dialect(candidate):
        dialect, family = found
        return dialect, f"of the family {family}"
    return "tagged", "default"
