"""Which contestants can be told apart.

A ranking by score alone separates contestants that the cases cannot separate. Here a rank is a range: after all that
are better by the paired 95% interval, and before all that are worse by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from toolmark.benchmark.scoring.grades import Grade
from toolmark.benchmark.scoring.metrics import PRIMARY, case_values
from toolmark.benchmark.verdicts.intervals import difference_interval
from toolmark.benchmark.verdicts.verdict import pair

__all__ = ["Rank", "ranking"]


@dataclass(frozen=True, slots=True)
class Rank:
    """The ranks that one contestant may have under one metric, from 1; equal where it is told apart from all others."""

    metric: str
    contestant: str
    first: int
    last: int


def ranking(grades: Mapping[str, Sequence[Grade]]) -> tuple[Rank, ...]:
    """Ranks under every primary metric, best first; none for fewer than three contestants: a difference shows two.

    A contestant without a case has no rank. Intervals are uncorrected: among many contestants some are told apart by
    chance.

    Args:
        grades: By the contestant's name, in the order shown.
    """
    if len(grades) < 3:
        return ()
    order = list(grades)
    found: list[Rank] = []
    for metric in PRIMARY:
        values = {name: case_values(metric, rows) for name, rows in grades.items()}
        present = [name for name, cases in values.items() if cases]
        better = dict.fromkeys(present, 0)
        worse = dict.fromkeys(present, 0)
        for left, right in combinations(present, 2):
            paired = pair(values[left], values[right])
            interval = difference_interval(paired.differences, paired.clusters)
            if interval.low > 0 or interval.high < 0:
                above, below = (right, left) if interval.low > 0 else (left, right)
                better[below] += 1
                worse[above] += 1
        ranks = [Rank(metric.id, name, 1 + better[name], len(present) - worse[name]) for name in present]
        found += sorted(ranks, key=lambda rank: (rank.first, rank.last, order.index(rank.contestant)))
    return tuple(found)
