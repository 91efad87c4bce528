"""How often an interval holds the truth, how wide it is, and how often it calls a loss of the whole margin none."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import stats

from studies.draws import GROUP, Truth, binary, clusters, draw
from toolmark.benchmark.verdicts.intervals import Interval, cluster_t, difference_interval, mean_interval, tango, wilson
from toolmark.benchmark.verdicts.verdict import MARGIN

_IMPOSSIBLE = 1e-9
"""Tables rarer than this are left out."""


@dataclass(frozen=True, slots=True)
class Wilson:
    """Coverage over all p from 0.02 to 0.98 in steps of 0.001, by enumeration."""

    n: int
    mean: float
    least: float
    least_at: float
    width: float


def wilson_coverage(n: int) -> Wilson:
    """Sum the probability of every count whose interval holds p."""
    found = [wilson(count, n) for count in range(n + 1)]
    low, high = np.array([interval.low for interval in found]), np.array([interval.high for interval in found])
    p = np.linspace(0.02, 0.98, 961)
    chance = stats.binom.pmf(np.arange(n + 1)[:, None], n, p)
    covered = (chance * ((low[:, None] <= p) & (p <= high[:, None]))).sum(0)
    width = (chance * (high - low)[:, None]).sum(0).mean()
    return Wilson(n, float(covered.mean()), float(covered.min()), float(p[covered.argmin()]), float(width))


@dataclass(frozen=True, slots=True)
class Covered:
    """Coverage and mean width of an interval, and of the cluster-robust t interval where that would be the other way.

    For one share, the truth's discordance and effect are that share.
    """

    n: int
    truth: Truth
    coverage: float
    width: float
    t_coverage: float | None = None
    t_width: float | None = None


def _tables(n: int, truth: Truth) -> Iterator[tuple[float, int, int]]:
    """Probability, wins and losses of every table, one case a group."""
    won, lost = (truth.discordance + truth.effect) / 2, (truth.discordance - truth.effect) / 2
    for wins in range(n + 1):
        first = stats.binom.pmf(wins, n, won)
        if first < _IMPOSSIBLE:
            continue
        chances = first * stats.binom.pmf(np.arange(n - wins + 1), n - wins, lost / (1 - won))
        for losses in np.flatnonzero(chances >= _IMPOSSIBLE).tolist():
            yield float(chances[losses]), wins, losses


def tango_coverage(n: int, truth: Truth) -> Covered:
    """By enumeration of all tables of wins and losses."""
    coverage = width = 0.0
    for chance, wins, losses in _tables(n, truth):
        found = tango(n, wins, losses)
        coverage += chance * (found.low <= truth.effect <= found.high)
        width += chance * (found.high - found.low)
    return Covered(n, truth, coverage, width)


def paired_coverage(n: int, truth: Truth, comparisons: int) -> Covered:
    """Of the intervals for a difference, groups of four, in drawn comparisons."""
    random = np.random.default_rng([n, round(1000 * truth.discordance), round(-1000 * truth.effect), 95])
    groups = clusters(n, truth.correlation)
    total = np.zeros(4)
    for row in draw(random, truth, comparisons, 1, 1, n)[:, 0, 0]:
        differences = row.astype(float).tolist()
        ours = difference_interval(differences, groups)
        # Where nothing moved it has no width, and is not meant for it.
        theirs = cluster_t(differences, groups) if any(differences) else ours
        for index, found in enumerate((ours, theirs)):
            total[2 * index :][:2] += found.low <= truth.effect <= found.high, found.high - found.low
    return Covered(n, truth, *(total / comparisons).tolist())


def cluster_coverage(groups: int, p: float, correlation: float, comparisons: int) -> Covered:
    """Of the interval for one share, groups of four, in drawn runs."""
    random = np.random.default_rng([groups, round(1000 * p), round(1000 * correlation)])
    names = clusters(groups * GROUP, correlation)
    covered, width = 0, 0.0
    for row in binary(random, p, correlation, comparisons, groups):
        found = mean_interval(row.astype(float).tolist(), names, share=True)
        covered += found.low <= p <= found.high
        width += found.high - found.low
    return Covered(groups * GROUP, Truth(p, p, correlation), covered / comparisons, width / comparisons)


@dataclass(frozen=True, slots=True)
class Overlooked:
    """How often the 90% interval lies inside the margin, although the truth lies on its edge."""

    n: int
    truth: Truth
    share: float


def _inside(found: Interval) -> bool:
    return found.low >= -MARGIN and found.high <= MARGIN


def overlooked(n: int, truth: Truth, comparisons: int) -> Overlooked:
    """By enumeration without groups, in drawn comparisons with them."""
    if not truth.correlation:
        tables = _tables(n, truth)
        inside = [chance for chance, wins, losses in tables if _inside(tango(n, wins, losses, 0.90))]
        return Overlooked(n, truth, math.fsum(inside))
    random = np.random.default_rng([n, round(1000 * truth.discordance), 90])
    groups = clusters(n, truth.correlation)
    rows = draw(random, truth, comparisons, 1, 1, n)[:, 0, 0]
    found = sum(_inside(difference_interval(row.astype(float).tolist(), groups, 0.90)) for row in rows)
    return Overlooked(n, truth, found / comparisons)
