"""A comparison in words: one sentence a metric, one headline a contestant."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from toolmark.benchmark.scoring.metrics import label
from toolmark.benchmark.verdicts.comparison import ContestantResult
from toolmark.benchmark.verdicts.verdict import Difference, Verdict
from toolmark.reports.tables import difference_cells

__all__ = ["Sentence", "headline", "sentences"]

_ORDER: tuple[Verdict, ...] = ("regressed", "missing", "improved", "equivalent", "inconclusive")


class Sentence(NamedTuple):
    """What one metric says of a contestant: its suite, a short name, the verdict, and the sentence about it."""

    suite: str
    metric: str
    label: str
    verdict: str
    text: str


def _sentence(difference: Difference) -> str:
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
        case _ if difference.minimum_detectable is None:
            return (
                f"inconclusive: {cells.effect} points {cells.interval}; with so few cases nothing could have been seen"
            )
        case _:
            seen = f"{difference.minimum_detectable * 100:.1f} points could have been seen"
            return f"inconclusive: {cells.effect} points {cells.interval}; {seen}"


def sentences(contestant: ContestantResult) -> list[Sentence]:
    """One a primary metric, in their order; none for a contestant without a baseline."""
    return [
        Sentence(metric.partition(".")[0], metric, label(metric), found.verdict, _sentence(found))
        for metric, found in contestant.differences.items()
    ]


def headline(contestant: ContestantResult) -> str:
    """Which metrics got which verdict, the gravest first: "2 regressed, 1 improved, 3 inconclusive"."""
    counts = Counter(found.verdict for found in contestant.differences.values())
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in _ORDER if counts[verdict])
