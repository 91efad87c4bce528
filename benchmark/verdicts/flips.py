"""Finds the cases that changed between baseline and candidate.

A difference of two scores does not show which cases changed. So this module finds the fate of every case: fixed,
broken, right on both sides, or wrong on both sides. There is one fate for each primary metric, and one for the whole
answer. A reader of a report can then open the cases that caused a verdict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from toolmark.benchmark.scoring.judged import Judged
from toolmark.benchmark.scoring.metric_sets import primary_of
from toolmark.benchmark.scoring.metrics import Metric, case_values

__all__ = ["EVERYTHING", "FATES", "Fate", "Flips", "flips"]

Fate = Literal["broken", "fixed", "both wrong", "both right", "wrong", "right"]
"""The fate of a case.

    fate          value of the contestant, as a mean over epochs
    fixed         higher than the value of the baseline
    broken        lower than the value of the baseline
    both right    1, the same as the value of the baseline
    both wrong    below 1, the same as the value of the baseline
    right         1, and there is no baseline
    wrong         below 1, and there is no baseline
"""

FATES: tuple[Fate, ...] = Fate.__args__  # type: ignore[attr-defined]
"""All fates in the order in which reports show them."""

EVERYTHING = Metric("everything", "everything", "everything right", of=lambda grade: float(grade.correct))
"""The measure for the whole answer: 1 if the whole call or the abstention is right, else 0."""


@dataclass(frozen=True, slots=True)
class Flips:
    """The fates of the cases of one contestant under one measure. Cases for which only one side has a value are left
    out.

    Attributes:
        measure: Id of a primary metric, or `everything`.
        meaning: Short description of the measure.
        fates: The fate of each case, by the id of the case.
        counts: Number of cases with each fate, in the order of `FATES`.
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


def flips(grades: Sequence[Judged], base: Sequence[Judged] | None) -> Mapping[str, Flips]:
    """Return the fates of the cases of a contestant under each measure.

    Args:
        grades: Grades of the contestant.
        base: Grades of the baseline. None if the contestant has no baseline.

    Returns:
        The flips by measure: `everything`, then each primary metric.
    """
    by_measure: dict[str, Flips] = {}
    for metric in (EVERYTHING, *primary_of(grades)):
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
