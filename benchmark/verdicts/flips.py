"""What became of each case: fixed, broken, both wrong or both right.

A difference of two scores hides who changed. Flips are the same pairs case by case, under each primary metric and under
"everything right", so that a reader can open the very cases that made a verdict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from toolmark.benchmark.scoring.grades import Grade
from toolmark.benchmark.scoring.metrics import PRIMARY, Metric, case_values

__all__ = ["EVERYTHING", "FATES", "Fate", "Flips", "flips"]

Fate = Literal["broken", "fixed", "both wrong", "both right", "wrong", "right"]
"""Of a case that both sides answered; the last two of a candidate without a baseline. Over several epochs `fixed` is a
higher mean, and `right` a mean of 1."""

FATES: tuple[Fate, ...] = Fate.__args__  # type: ignore[attr-defined]
"""In the order of interest."""

EVERYTHING = Metric("everything", "everything right", lambda grade: float(grade.correct))
"""The whole call right, or rightly none."""


@dataclass(frozen=True, slots=True)
class Flips:
    """The fates of one candidate's cases under one measure; a case that does not count on both sides is not there.

    Attributes:
        column: The candidate's.
        measure: A primary metric, or `everything`.
        meaning: One line for people.
        fates: By case id.
        counts: How many cases met each fate, in the order of `FATES`.
    """

    column: int
    measure: str
    meaning: str
    fates: Mapping[str, Fate]
    counts: Mapping[Fate, int]


def _fate(base: float | None, value: float) -> Fate:
    if base is None:
        return "right" if value == 1 else "wrong"
    if value != base:
        return "fixed" if value > base else "broken"
    return "both right" if value == 1 else "both wrong"


def flips(grades: Sequence[Sequence[Grade]], baselines: Sequence[int | None]) -> tuple[Flips, ...]:
    """The flips of every column under every measure, columns first.

    Args:
        grades: Of each column.
        baselines: The column that each is held against.
    """
    found: list[Flips] = []
    for metric in (EVERYTHING, *PRIMARY):
        values = [{case.case_id: case.value for case in case_values(metric, rows)} for rows in grades]
        for column, baseline in enumerate(baselines):
            if baseline is None:
                fates = {case_id: _fate(None, value) for case_id, value in values[column].items()}
            else:
                base = values[baseline]
                fates = {
                    case_id: _fate(base[case_id], value) for case_id, value in values[column].items() if case_id in base
                }
            met = Counter(fates.values())
            counts = {fate: met[fate] for fate in FATES if met[fate]}
            found.append(Flips(column, metric.id, metric.meaning, fates, counts))
    return tuple(sorted(found, key=lambda flip: flip.column))
