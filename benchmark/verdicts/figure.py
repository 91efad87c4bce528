"""A score with its n and its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolmark.benchmark.scoring.grades import Grade
from toolmark.benchmark.scoring.metrics import Metric, case_values
from toolmark.benchmark.verdicts.intervals import Interval, mean_interval

__all__ = ["Figure", "figure_of"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A score over n cases with its 95% interval. With n = 0 there is neither."""

    n: int
    score: float | None = None
    interval: Interval | None = None


def figure_of(metric: Metric, grades: Sequence[Grade]) -> Figure:
    """The mean of a metric over its population among these grades."""
    cases = case_values(metric, grades)
    if not cases:
        return Figure(0)
    values = [case.value for case in cases]
    interval = mean_interval(values, [case.cluster for case in cases], share=metric.unit == "share")
    return Figure(len(values), sum(values) / len(values), interval)
