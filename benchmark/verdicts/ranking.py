"""Ranks of contestants, as ranges.

A ranking by score alone orders contestants even if the difference between two contestants may be chance. Here a
contestant is better or worse than another contestant only if the paired 95% interval of the difference shows this. A
contestant comes after all better contestants and before all worse contestants. Other contestants may come before or
after, so a rank is a range.
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
    """The possible ranks of one contestant under one metric.

    Attributes:
        metric: Id of the metric.
        contestant: Name of the contestant.
        first: Best possible rank, from 1.
        last: Worst possible rank. Equal to `first` if the contestant differs clearly from all other contestants.
    """

    metric: str
    contestant: str
    first: int
    last: int


def ranking(grades: Mapping[str, Sequence[Grade]]) -> tuple[Rank, ...]:
    """Compute the ranks under every primary metric.

    A contestant without a case has no rank. The intervals are uncorrected, so among many contestants some differences
    are chance.

    Args:
        grades: Grades of each contestant by its name, in the order in which contestants are shown.

    Returns:
        The ranks, metric by metric, best first. Empty with fewer than three contestants, because two contestants are
        compared by their difference.
    """
    if len(grades) < 3:
        return ()
    order = list(grades)
    ranks: list[Rank] = []
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
        of_metric = [Rank(metric.id, name, 1 + better[name], len(present) - worse[name]) for name in present]
        ranks += sorted(of_metric, key=lambda rank: (rank.first, rank.last, order.index(rank.contestant)))
    return tuple(ranks)
