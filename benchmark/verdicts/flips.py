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
"""Of a case that both sides answered; the last two of a contestant without a baseline. Over several epochs `fixed` is a
higher mean, and `right` a mean of 1."""

FATES: tuple[Fate, ...] = Fate.__args__  # type: ignore[attr-defined]
"""In the order of interest."""

EVERYTHING = Metric("everything", "everything", "everything right", of=lambda grade: float(grade.correct))
"""The whole call right, or rightly none."""


@dataclass(frozen=True, slots=True)
class Flips:
    """The fates of one contestant's cases under one measure; a case that does not count on both sides is left out.

    Attributes:
        measure: A primary metric, or `everything`.
        meaning: One line for people.
        fates: By case id.
        counts: How many cases met each fate, in the order of `FATES`.
    """

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


def flips(grades: Sequence[Grade], base: Sequence[Grade] | None) -> Mapping[str, Flips]:
    """The flips of a contestant, by measure.

    Args:
        grades: Of the contestant.
        base: Of its baseline, where it has one.
    """
    found: dict[str, Flips] = {}
    for metric in (EVERYTHING, *PRIMARY):
        values = {case.case_id: case.value for case in case_values(metric, grades)}
        fates: dict[str, Fate]
        if base is None:
            fates = {case_id: _fate(None, value) for case_id, value in values.items()}
        else:
            before = {case.case_id: case.value for case in case_values(metric, base)}
            fates = {case_id: _fate(before[case_id], value) for case_id, value in values.items() if case_id in before}
        met = Counter(fates.values())
        counts = {fate: met[fate] for fate in FATES if met[fate]}
        found[metric.id] = Flips(metric.id, metric.meaning, fates, counts)
    return found
