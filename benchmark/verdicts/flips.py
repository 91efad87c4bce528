"""Finds the cases that changed between baseline and candidate.

A case is fixed, broken, right on both sides, or wrong on both sides. A difference of two scores does not show which
cases changed. The flips show the change of every case, for each primary metric and for the whole answer. So a reader
can open the cases that caused a verdict.
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
"""The change of a case that both sides answered. A contestant without a baseline has `wrong` and `right` only. With
several epochs, `fixed` means a higher mean than the mean of the baseline, and `right` means a mean of 1."""

FATES: tuple[Fate, ...] = Fate.__args__  # type: ignore[attr-defined]
"""All values, the most interesting one first."""

EVERYTHING = Metric("everything", "everything", "everything right", of=lambda grade: float(grade.correct))
"""Whether the whole answer is right: the whole call, or the abstention."""


@dataclass(frozen=True, slots=True)
class Flips:
    """The changes of one contestant under one measure. A case that does not count on both sides is left out.

    Attributes:
        measure: Id of a primary metric, or `everything`.
        meaning: Short description of the measure.
        fates: The change of each case, by the id of the case.
        counts: Number of cases with each change, in the order of `FATES`.
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
    """Compute the flips of a contestant.

    Args:
        grades: Grades of the contestant.
        base: Grades of the baseline. None if the contestant has no baseline.

    Returns:
        The flips by measure: `everything`, then each primary metric.
    """
    by_measure: dict[str, Flips] = {}
    for metric in (EVERYTHING, *PRIMARY):
        values = {case.case_id: case.value for case in case_values(metric, grades)}
        fates: dict[str, Fate]
        if base is None:
            fates = {case_id: _fate(None, value) for case_id, value in values.items()}
        else:
            before = {case.case_id: case.value for case in case_values(metric, base)}
            fates = {case_id: _fate(before[case_id], value) for case_id, value in values.items() if case_id in before}
        counter = Counter(fates.values())
        counts = {fate: counter[fate] for fate in FATES if counter[fate]}
        by_measure[metric.id] = Flips(metric.id, metric.meaning, fates, counts)
    return by_measure
