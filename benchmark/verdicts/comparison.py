"""Every figure that a summary, a report or a gate shows, computed here once.

A `Comparison` is frozen data: renderers draw it and gates read it, and neither computes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.scoring.grades import Grade
from benchmark.scoring.metrics import PRIMARY, Level, Metric, case_values, metrics_for
from benchmark.verdicts.intervals import Interval, balanced, mean_interval

__all__ = ["BALANCED", "Column", "Comparison", "Figure", "Row", "compare"]

BALANCED = "timing.balanced"
"""Mean of recall and restraint: made of two metrics, so it is a figure and not a metric over grades."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A score over n cases with its 95% interval. With n = 0 there is neither."""

    n: int
    score: float | None = None
    interval: Interval | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One metric across the candidates, figures in the order of the columns."""

    metric: str
    meaning: str
    level: Level
    unit: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """One candidate: its name, its run's directory name, and its run's identity and environment."""

    name: str
    run: str
    identity: Mapping[str, Any]
    environment: Mapping[str, Any]
    cases: int
    waived: int
    causes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Comparison:
    """All columns and rows; primary metrics first."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    def figure(self, column: int, metric: str) -> Figure | None:
        """The figure of a metric in a column, or None where no such metric is known here."""
        for row in self.rows:
            if row.metric == metric:
                return row.figures[column]
        return None


def _figure(metric: Metric, grades: Sequence[Grade]) -> Figure:
    cases = case_values(metric, grades)
    if not cases:
        return Figure(0)
    values = [case.value for case in cases]
    interval = mean_interval(values, [case.cluster for case in cases], share=metric.unit == "share")
    return Figure(len(values), sum(values) / len(values), interval)


def _balanced(recall: Figure, restraint: Figure) -> Figure:
    if recall.score is None or restraint.score is None or recall.interval is None or restraint.interval is None:
        return Figure(0)
    score, interval = balanced(recall.score, recall.interval, restraint.score, restraint.interval)
    return Figure(recall.n + restraint.n, score, interval)


def compare(columns: Sequence[Column], grades: Sequence[Sequence[Grade]]) -> Comparison:
    """Compute every figure of the candidates, whose grades come in the order of the columns."""
    metrics = metrics_for(row for column in grades for row in column)
    rows = [
        Row(metric.id, metric.meaning, metric.level, metric.unit, tuple(_figure(metric, column) for column in grades))
        for metric in metrics
    ]
    by_id = {row.metric: row.figures for row in rows}
    timing = zip(by_id["timing.recall"], by_id["timing.restraint"], strict=True)
    rows.insert(
        len(PRIMARY),
        Row(BALANCED, "mean of recall and restraint", "secondary", "share", tuple(_balanced(*pair) for pair in timing)),
    )
    return Comparison(tuple(columns), tuple(rows))
