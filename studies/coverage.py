"""Measures the coverage and the width of intervals, and how often a drop of the size of the margin is missed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import stats

from studies.draws import CLUSTER_SIZE, Truth, binary, cluster_names, draw
from toolmark.benchmark.verdicts.intervals import Interval, cluster_t, difference_interval, mean_interval, tango, wilson
from toolmark.benchmark.verdicts.verdict import MARGIN

_IMPOSSIBLE = 1e-9
"""Numbers of wins and losses with a lower probability are left out."""


@dataclass(frozen=True, slots=True)
class Wilson:
    """Exact coverage of Wilson's interval, over all p from 0.02 to 0.98 in steps of 0.001.

    Attributes:
        n: Number of cases.
        mean: Mean coverage.
        least: Lowest coverage.
        least_at: The p with the lowest coverage.
        width: Mean width of the interval.
    """

    n: int
    mean: float
    least: float
    least_at: float
    width: float


def wilson_coverage(n: int) -> Wilson:
    """Compute the coverage: the sum of the probabilities of all counts whose interval contains p."""
    found = [wilson(count, n) for count in range(n + 1)]
    low, high = np.array([interval.low for interval in found]), np.array([interval.high for interval in found])
    p = np.linspace(0.02, 0.98, 961)
    chance = stats.binom.pmf(np.arange(n + 1)[:, None], n, p)
    covered = (chance * ((low[:, None] <= p) & (p <= high[:, None]))).sum(0)
    width = (chance * (high - low)[:, None]).sum(0).mean()
    return Wilson(n, float(covered.mean()), float(covered.min()), float(p[covered.argmin()]), float(width))


@dataclass(frozen=True, slots=True)
class Covered:
    """Coverage and mean width of an interval.

    Attributes:
        n: Number of cases.
        truth: The true state. For the score of one candidate, `discordance` and `effect` are both this score.
        coverage: Share of intervals that contain the true value.
        width: Mean width of the interval.
        t_coverage: Coverage of the cluster-robust t interval. None if it is not compared.
        t_width: Mean width of the cluster-robust t interval. None if it is not compared.
    """

    n: int
    truth: Truth
    coverage: float
    width: float
    t_coverage: float | None = None
    t_width: float | None = None


def _tables(n: int, truth: Truth) -> Iterator[tuple[float, int, int]]:
    """Yield every possible number of wins and losses, with its probability. Each cluster has one case."""
    won, lost = (truth.discordance + truth.effect) / 2, (truth.discordance - truth.effect) / 2
    for wins in range(n + 1):
        first = stats.binom.pmf(wins, n, won)
        if first < _IMPOSSIBLE:
            continue
        chances = first * stats.binom.pmf(np.arange(n - wins + 1), n - wins, lost / (1 - won))
        for losses in np.flatnonzero(chances >= _IMPOSSIBLE).tolist():
            yield float(chances[losses]), wins, losses


def tango_coverage(n: int, truth: Truth) -> Covered:
    """Compute the exact coverage of Tango's interval, over all possible numbers of wins and losses."""
    coverage = width = 0.0
    for chance, wins, losses in _tables(n, truth):
        found = tango(n, wins, losses)
        coverage += chance * (found.low <= truth.effect <= found.high)
        width += chance * (found.high - found.low)
    return Covered(n, truth, coverage, width)


def paired_coverage(n: int, truth: Truth, comparisons: int) -> Covered:
    """Estimate the coverage of a difference with clusters of four cases, from random comparisons."""
    random = np.random.default_rng([n, round(1000 * truth.discordance), round(-1000 * truth.effect), 95])
    names = cluster_names(n, truth.correlation)
    total = np.zeros(4)
    for row in draw(random, truth, comparisons, 1, 1, n)[:, 0, 0]:
        differences = row.astype(float).tolist()
        ours = difference_interval(differences, names)
        # If no case changed, the t interval has no width and is not used.
        theirs = cluster_t(differences, names) if any(differences) else ours
        for index, found in enumerate((ours, theirs)):
            total[2 * index :][:2] += found.low <= truth.effect <= found.high, found.high - found.low
    return Covered(n, truth, *(total / comparisons).tolist())


def cluster_coverage(count: int, p: float, correlation: float, comparisons: int) -> Covered:
    """Estimate the coverage of one score with clusters of four cases, from random runs."""
    random = np.random.default_rng([count, round(1000 * p), round(1000 * correlation)])
    names = cluster_names(count * CLUSTER_SIZE, correlation)
    covered, width = 0, 0.0
    for row in binary(random, p, correlation, comparisons, count):
        found = mean_interval(row.astype(float).tolist(), names, share=True)
        covered += found.low <= p <= found.high
        width += found.high - found.low
    return Covered(count * CLUSTER_SIZE, Truth(p, p, correlation), covered / comparisons, width / comparisons)


@dataclass(frozen=True, slots=True)
class Overlooked:
    """Share of comparisons whose 90% interval is inside the margin, if the true drop is as large as the margin."""

    n: int
    truth: Truth
    share: float


def _inside(found: Interval) -> bool:
    return found.low >= -MARGIN and found.high <= MARGIN


def overlooked(n: int, truth: Truth, comparisons: int) -> Overlooked:
    """Compute the share: exactly if there are no clusters, and otherwise from random comparisons."""
    if not truth.correlation:
        tables = _tables(n, truth)
        inside = [chance for chance, wins, losses in tables if _inside(tango(n, wins, losses, 0.90))]
        return Overlooked(n, truth, math.fsum(inside))
    random = np.random.default_rng([n, round(1000 * truth.discordance), 90])
    names = cluster_names(n, truth.correlation)
    rows = draw(random, truth, comparisons, 1, 1, n)[:, 0, 0]
    found = sum(_inside(difference_interval(row.astype(float).tolist(), names, 0.90)) for row in rows)
    return Overlooked(n, truth, found / comparisons)
