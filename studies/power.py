"""Measures how often the test finds a known drop, and a drop of the size of the minimum detectable effect."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy import stats

from studies.draws import CHUNK, CLUSTER_SIZE, Truth, draw
from studies.false_alarms import p_values
from toolmark.benchmark.verdicts.power import ALPHA, mcnemar_power, minimum_detectable_effect_of_clusters


@dataclass(frozen=True, slots=True)
class Power:
    """The power of the test for a drop.

    Attributes:
        n: Number of cases.
        drop: The true drop, as a share.
        discordance: Share of cases for which the results of the two sides differ.
        exact: Power from `exact_power`.
        computed: Power from Toolmark's function.
        counted: Share of random comparisons in which the test finds the drop.
    """

    n: int
    drop: float
    discordance: float
    exact: float
    computed: float
    counted: float


def exact_power(n: int, drop: float, discordance: float) -> float:
    """Return the exact power of McNemar's exact test: a sum over all possible numbers of wins and losses."""
    wins, losses = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
    possible = wins + losses <= n
    wins, losses = wins[possible], losses[possible]
    # The losses have a binomial distribution. Among the other cases, the wins have a binomial distribution.
    lost, won = (discordance + drop) / 2, (discordance - drop) / 2
    chance = stats.binom.pmf(losses, n, lost) * stats.binom.pmf(wins, n - losses, won / (1 - lost))
    p = 2 * stats.binom.cdf(np.minimum(wins, losses), wins + losses, 0.5)
    return float(chance[(losses > wins) & (p <= ALPHA)].sum())


def power(n: int, drop: float, discordance: float, comparisons: int) -> Power:
    """Count how often the drop is found in random comparisons, with one case in each cluster."""
    discordance = max(discordance, drop)
    random = np.random.default_rng([n, round(1000 * drop), round(1000 * discordance)])
    shares = [(discordance - drop) / 2, (discordance + drop) / 2, 1 - discordance]
    tables = random.multinomial(n, shares, size=comparisons)
    found = 0
    for wins, losses, ties in tables.tolist():
        sums = np.repeat(np.array([1, -1, 0], dtype=np.int8), [wins, losses, ties])
        found += losses > wins and float(p_values(sums[None])[0]) <= ALPHA
    exact = exact_power(n, drop, discordance)
    return Power(n, drop, discordance, exact, mcnemar_power(n, drop, discordance), found / comparisons)


@dataclass(frozen=True, slots=True)
class Detectable:
    """The minimum detectable effect, and how often the test finds an effect of this size.

    Attributes:
        n: Number of cases.
        truth: The true state of the equal candidates for which the effect is computed.
        effect: The median minimum detectable effect, as a share.
        counted: Share of random comparisons in which the test finds this effect.
    """

    n: int
    truth: Truth
    effect: float
    counted: float


def detectable(n: int, truth: Truth, comparisons: int) -> Detectable:
    """Compute the median minimum detectable effect, and count how often the test finds an effect of this size."""
    random = np.random.default_rng([n, round(1000 * truth.discordance), 80])
    size = CLUSTER_SIZE if truth.correlation else 1
    named = []
    for row in draw(random, truth, 400, 1, 1, n)[:, 0, 0]:
        sums = row.reshape(-1, size).sum(-1)
        named.append(minimum_detectable_effect_of_clusters([Fraction(int(value)) for value in sums], n) or math.nan)
    effect = float(np.nanmedian(named))
    # The discordance cannot be smaller than the drop. A slightly larger discordance keeps the limits finite.
    real = Truth(max(truth.discordance, effect + 1e-9), -effect, truth.correlation)
    found = 0
    for _ in range(comparisons // CHUNK):
        drawn = draw(random, real, CHUNK, 1, 1, n)[:, 0, 0].reshape(CHUNK, -1, size).sum(-1, dtype=np.int8)
        found += int(((p_values(drawn) <= ALPHA) & (drawn.sum(-1, dtype=np.int64) < 0)).sum())
    return Detectable(n, truth, effect, found / comparisons)
