"""Computes the ranks of contestants. A rank is a range, for example from 2 to 4.

A small difference between two scores can be chance. So a contestant is better than another contestant only if the
paired 95% interval of the difference lies above 0. A contestant comes after all better contestants and before all worse
contestants. For the remaining contestants, the order is not known. So a rank is a range.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from toolmark.benchmark.scoring.judged import Judged
from toolmark.benchmark.scoring.metric_sets import primary_of
from toolmark.benchmark.scoring.metrics import case_values
from toolmark.benchmark.verdicts.intervals import difference_interval
from toolmark.benchmark.verdicts.verdict import pair

__all__ = ["Rank", "ranking"]


@dataclass(frozen=True, slots=True)
class Rank:
    """The range of ranks of one contestant under one metric.

    Attributes:
        metric: Id of the metric.
        contestant: Name of the contestant.
        first: Best possible rank. 1 is the best rank.
        last: Worst possible rank. If the contestant differs clearly from all others, `last` is equal to `first`.
    """

    metric: str
    contestant: str
    first: int
    last: int


def ranking(grades: Mapping[str, Sequence[Judged]]) -> tuple[Rank, ...]:
    """Return the ranks under every primary metric.

    A contestant without a case has no rank. The intervals are not corrected for the number of contestants. So among
    many contestants, some differences are chance.

    Args:
        grades: Grades of each contestant by its name, in the order in which contestants are shown.

    Returns:
        The ranks, metric by metric, and in each metric the best contestant first. Empty if there are fewer than three
        contestants, because the difference of two contestants already shows their order.
    """
    if len(grades) < 3:
        return ()
    order = list(grades)
    ranks: list[Rank] = []
    for metric in primary_of(grade for rows in grades.values() for grade in rows):
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
