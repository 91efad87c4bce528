"""A comparison in words: one sentence a metric, one headline a candidate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from toolmark.benchmark.verdicts.comparison import Comparison, Row
from toolmark.benchmark.verdicts.verdict import Difference, Verdict
from toolmark.reports.tables import difference_cells

__all__ = ["Sentence", "headline", "label", "sentences"]

_LABELS = {
    "timing.recall": "recall",
    "timing.restraint": "restraint",
    "selection.tool": "selection",
    "validity.schema": "valid calls",
    "validity.call": "whole calls",
    "guard.stops": "stopping",
}

_ORDER: tuple[Verdict, ...] = ("regressed", "missing", "improved", "equivalent", "inconclusive")


class Sentence(NamedTuple):
    """What one metric says of a candidate: its suite, a short name, the verdict, and the sentence about it."""

    suite: str
    metric: str
    label: str
    verdict: str
    text: str


def label(metric: str) -> str:
    """A metric in a word or two; its id where there is none."""
    return _LABELS.get(metric, metric)


def _said(difference: Difference) -> str:
    cells = difference_cells(difference)
    match difference.verdict:
        case "improved" | "regressed":
            by = cells.effect.lstrip("+−-")
            within = ", within the margin" if difference.within_margin else ""
            return f"{difference.verdict} by {by} points {cells.interval}{within}"
        case "equivalent":
            return f"equivalent: {cells.effect} points {cells.interval}"
        case "missing":
            return f"missing: {difference.reason}"
        case _ if difference.reason:
            return f"inconclusive: {difference.reason}"
        case _ if difference.smallest is None:
            return (
                f"inconclusive: {cells.effect} points {cells.interval}; with so few cases nothing could have been seen"
            )
        case _:
            seen = f"{difference.smallest * 100:.1f} points could have been seen"
            return f"inconclusive: {cells.effect} points {cells.interval}; {seen}"


def _held(comparison: Comparison, column: int) -> Iterator[tuple[Row, Difference]]:
    for row in comparison.rows:
        if row.differences and (difference := row.differences[column]) is not None:
            yield row, difference


def sentences(comparison: Comparison, column: int) -> list[Sentence]:
    """One a primary metric, in their order; none for a column without a baseline."""
    return [
        Sentence(row.metric.partition(".")[0], row.metric, label(row.metric), found.verdict, _said(found))
        for row, found in _held(comparison, column)
    ]


def headline(comparison: Comparison, column: int) -> str:
    """Which metrics got which verdict, the gravest first: "2 regressed, 1 improved, 3 inconclusive"."""
    counts = Counter(found.verdict for _, found in _held(comparison, column))
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in _ORDER if counts[verdict])
