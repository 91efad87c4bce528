"""Which candidates can be told apart.

A ranking by score alone separates what the cases cannot. Here a candidate's rank is a range: behind everyone that is
better by the paired 95% interval, and ahead of everyone that is worse by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from toolmark.benchmark.scoring.grades import Grade
from toolmark.benchmark.scoring.metrics import PRIMARY, case_values
from toolmark.benchmark.verdicts.intervals import difference_interval
from toolmark.benchmark.verdicts.verdict import pair

__all__ = ["Rank", "ranking"]


@dataclass(frozen=True, slots=True)
class Rank:
    """The places that one column may have under one metric, from 1; equal where all others are told apart from it."""

    metric: str
    column: int
    first: int
    last: int


def ranking(grades: Sequence[Sequence[Grade]]) -> tuple[Rank, ...]:
    """Ranks under every primary metric, best first; none for fewer than three columns, which a difference tells.

    A column without a case is in none. Intervals are uncorrected: among many columns some are told apart by chance.
    """
    if len(grades) < 3:
        return ()
    found: list[Rank] = []
    for metric in PRIMARY:
        values = [case_values(metric, rows) for rows in grades]
        present = [column for column, cases in enumerate(values) if cases]
        better = dict.fromkeys(present, 0)
        worse = dict.fromkeys(present, 0)
        for left, right in combinations(present, 2):
            paired = pair(values[left], values[right])
            interval = difference_interval(paired.differences, paired.clusters)
            if interval.low > 0 or interval.high < 0:
                above, below = (right, left) if interval.low > 0 else (left, right)
                better[below] += 1
                worse[above] += 1
        ranks = [Rank(metric.id, column, 1 + better[column], len(present) - worse[column]) for column in present]
        found += sorted(ranks, key=lambda rank: (rank.first, rank.last, rank.column))
    return tuple(found)
