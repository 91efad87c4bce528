"""A score with its number of cases and its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolmark.benchmark.scoring.judged import Judged
from toolmark.benchmark.scoring.metrics import Metric, case_values
from toolmark.benchmark.verdicts.intervals import Interval, mean_interval

__all__ = ["Figure", "figure_of"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A score with its interval.

    Attributes:
        n: Number of cases.
        score: Mean over the cases. None if n is 0.
        interval: 95% interval of the score. None if n is 0.
    """

    n: int
    score: float | None = None
    interval: Interval | None = None


def figure_of(metric: Metric, grades: Sequence[Judged]) -> Figure:
    """Return the score of one contestant on a metric.

    Args:
        metric: The metric.
        grades: Grades of the contestant. Grades outside the population of the metric are ignored.
    """
    cases = case_values(metric, grades)
    if not cases:
        return Figure(0)
    values = [case.value for case in cases]
    interval = mean_interval(values, [case.cluster for case in cases], share=metric.unit == "share")
    return Figure(len(values), sum(values) / len(values), interval)
