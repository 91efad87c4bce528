"""Every figure that a summary, a report or a gate shows, computed here once.

A `Comparison` is frozen data: renderers draw it and gates read it, and neither computes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.data.record import TrainingRecord
from toolmark.benchmark.scoring.grades import Grade
from toolmark.benchmark.scoring.metrics import PRIMARY, Level, case_values, metrics_for
from toolmark.benchmark.verdicts.evidence import Evidence
from toolmark.benchmark.verdicts.fairness import Mismatch, mismatches
from toolmark.benchmark.verdicts.figure import Figure, figure_of
from toolmark.benchmark.verdicts.intervals import balanced
from toolmark.benchmark.verdicts.verdict import MARGIN, Difference, Paired, decide, pair

__all__ = ["BALANCED", "Column", "Comparison", "Figure", "Row", "compare"]

BALANCED = "timing.balanced"
"""Mean of recall and restraint: made of two metrics, so it is a figure and not a metric over grades."""


Completions = Mapping[tuple[str, int], Completion]


@dataclass(frozen=True, slots=True)
class Row:
    """One metric across the candidates, in the order of the columns.

    Only a primary metric has differences, and only in a column that has a baseline.
    """

    metric: str
    meaning: str
    level: Level
    unit: str
    figures: tuple[Figure, ...]
    differences: tuple[Difference | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """One candidate.

    Attributes:
        name: What tables call it.
        run: Its run's directory name.
        identity: What may change its completions.
        environment: Where they were made.
        cases: How many cases were judged.
        waived: How many of them count in no metric.
        causes: How many completions failed from each cause.
        baseline: Index of the column that this one is held against.
        unfair: In what the two sides differ beyond the candidate.
        training: How its weights were made, where a record lies beside them.
        unproven: Why nobody knows that its adapter sits on the base it was trained on; empty where that is proven.
    """

    name: str
    run: str
    identity: Mapping[str, Any]
    environment: Mapping[str, Any]
    cases: int
    waived: int
    causes: Mapping[str, int]
    baseline: int | None = None
    unfair: tuple[Mismatch, ...] = ()
    training: TrainingRecord | None = None
    unproven: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """All columns and rows; primary metrics first. The evidence is what stands behind them, case by case."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    margin: float = MARGIN
    evidence: Evidence | None = None

    def figure(self, column: int, metric: str) -> Figure | None:
        """The figure of a metric in a column, or None where no such metric is known here."""
        return next((row.figures[column] for row in self.rows if row.metric == metric), None)

    def difference(self, column: int, metric: str) -> Difference | None:
        """What a metric says of a column beside its baseline, or None where it is not held against one."""
        return next((row.differences[column] for row in self.rows if row.metric == metric and row.differences), None)


def _balanced(recall: Figure, restraint: Figure) -> Figure:
    if recall.score is None or restraint.score is None or recall.interval is None or restraint.interval is None:
        return Figure(0)
    score, interval = balanced(recall.score, recall.interval, restraint.score, restraint.interval)
    return Figure(recall.n + restraint.n, score, interval)


def _differences(
    columns: Sequence[Column], grades: Sequence[Sequence[Grade]], completions: Sequence[Completions], margin: float
) -> list[dict[str, Difference]]:
    """Per column the difference of every primary metric; empty where the column has no baseline."""
    held: list[int] = []
    paired: list[dict[str, Paired]] = []
    for index, column in enumerate(columns):
        if column.baseline is not None:
            base = column.baseline
            same = bool(completions) and _identical(completions[base], completions[index])
            held.append(index)
            paired.append(
                {
                    metric.id: pair(
                        case_values(metric, grades[base]), case_values(metric, grades[index]), identical=same
                    )
                    for metric in PRIMARY
                }
            )
    found: list[dict[str, Difference]] = [{} for _ in columns]
    for index, differences in zip(held, decide(paired, margin), strict=True):
        found[index] = differences
    return found


def _identical(base: Completions, candidate: Completions) -> bool:
    common = base.keys() & candidate.keys()
    return bool(common) and all(
        base[key].text == candidate[key].text and base[key].tool_calls == candidate[key].tool_calls for key in common
    )


def compare(
    columns: Sequence[Column],
    grades: Sequence[Sequence[Grade]],
    completions: Sequence[Completions] = (),
    margin: float = MARGIN,
) -> Comparison:
    """Compute every figure of the candidates.

    Args:
        columns: One a candidate.
        grades: Of each candidate, in the order of the columns.
        completions: Of each candidate, by (case id, epoch); without them nothing is known to be identical.
        margin: Half-width of the range around 0 in which a difference does not matter, as a share.
    """
    metrics = metrics_for(row for column in grades for row in column)
    differences = _differences(columns, grades, completions, margin)
    rows = [
        Row(
            metric.id,
            metric.meaning,
            metric.level,
            metric.unit,
            tuple(figure_of(metric, column) for column in grades),
            tuple(found.get(metric.id) for found in differences) if metric.level == "primary" else (),
        )
        for metric in metrics
    ]
    by_id = {row.metric: row.figures for row in rows}
    timing = zip(by_id["timing.recall"], by_id["timing.restraint"], strict=True)
    rows.insert(
        len(PRIMARY),
        Row(
            BALANCED, "mean of recall and restraint", "secondary", "share", tuple(_balanced(*sides) for sides in timing)
        ),
    )
    fair = tuple(
        column
        if column.baseline is None
        else replace(column, unfair=mismatches(_side(columns[column.baseline]), _side(column)))
        for column in columns
    )
    return Comparison(fair, tuple(rows), margin)


def _side(column: Column) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    return column.identity, column.environment
