"""Computes the power of the paired test, and the minimum detectable effect of a comparison.

The power is the probability that the test finds a real effect. All figures are for one metric and for a two-sided test
at 5%, without a correction for the number of metrics.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, gammaln, xlog1py, xlogy

__all__ = ["ALPHA", "TARGET", "mcnemar_power", "minimum_detectable_effect", "minimum_detectable_effect_of_clusters"]

ALPHA = 0.05
"""Two-sided significance level of the test, without a correction for the number of tests."""

TARGET = 0.8
"""An effect counts as detectable if the test has at least this power."""


@lru_cache(maxsize=32)
def _critical(most: int, alpha: float) -> NDArray[np.float64]:
    """Return the largest number of losses with which the exact McNemar test rejects, for k = 0 … `most`.

    Here k is the number of discordant cases (wins and losses). If the test never rejects with k discordant cases, the
    number is -1. The result has the shape (most + 1,).
    """
    limits = np.empty(most + 1)
    losses = -1
    for discordant in range(most + 1):
        # With one more discordant case, the limit is the same or higher by one.
        if 2 * bdtr(losses + 1, discordant, 0.5) <= alpha:
            losses += 1
        limits[discordant] = losses
    return limits


def mcnemar_power(n: int, effect: float, discordance: float, alpha: float = ALPHA) -> float:
    """Return the power of the exact McNemar test: the probability that it rejects with the right sign.

    Every cluster is one case. A discordant case is a case on which the candidates differ. The share d of discordant
    cases is the larger of `discordance` and `effect`, because d cannot be smaller than the effect.

    The number k of discordant cases is binomial(n, d). A discordant case has the direction of the effect with
    probability π = (d + effect) / 2d. Given k, the test rejects if at most limit_k discordant cases have the other
    direction. `_critical` computes limit_k. So the unconditional power is Σ_k P(k)·P(binomial(k, 1 - π) ≤ limit_k)
    (Duffy 1984, Biometrics 40:1005).

    Args:
        n: Number of cases. With fewer than six cases the power is 0.
        effect: Absolute difference of the two shares, in [0, 1].
        discordance: Share of cases on which the candidates differ, in [0, 1].
        alpha: Two-sided significance level.
    """
    d = max(discordance, effect)
    if n == 0 or d == 0:
        return 0.0
    against = (d - effect) / (2 * d)
    k = np.arange(n + 1)
    logs = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1) + xlogy(k, d) + xlog1py(n - k, -d)
    limits = _critical(n, alpha)
    able = limits >= 0
    return float(np.exp(logs[able]) @ bdtr(limits[able], k[able], against))


@lru_cache(maxsize=1024)
def minimum_detectable_effect(n: int, discordance: float) -> float | None:
    """Return the minimum detectable effect: the smallest effect with a power of at least 80%, to six digits.

    Args:
        n: Number of cases. Every cluster is one case.
        discordance: Observed share of cases on which the candidates differ.

    Returns:
        The effect, as a share. None if even an effect of 1 has a power below 80%. This happens with fewer than six
        cases, because the smallest p-value with five cases is 1/16.
    """
    if mcnemar_power(n, 1.0, discordance) < TARGET:
        return None
    low, high = 0.0, 1.0
    # Bisection is possible, because the power rises with the effect. If the effect is below the discordance, a larger
    # effect means that more of the discordant cases have its direction. If the effect is above the discordance,
    # a larger effect means more discordant cases.
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (low, middle) if mcnemar_power(n, middle, discordance) >= TARGET else (middle, high)
    return high


def minimum_detectable_effect_of_clusters(sums: Sequence[Fraction], n: int) -> float | None:
    """Return the minimum detectable effect of the sign-flip test: the smallest mean difference with a power of 80%.

    If every cluster is one case and values are 0 or 1, the result equals `minimum_detectable_effect`. Otherwise, the
    clusters are replaced by a smaller number of clusters of equal size:

    1. Let s be the sum of a cluster. The k clusters with s ≠ 0 are replaced by K = (Σ|s|)²/Σs² clusters (Kish's
       effective number, Survey Sampling, 1965). Σ|s| and Σs² stay the same. Σ|s| is the largest possible total, and Σs²
       is the variance of the total under the null hypothesis.
    2. All G clusters are replaced by G·K/k clusters.
    3. `minimum_detectable_effect` gives the share e of the clusters that must change in one direction. The mean
       difference is then e·(G/k)·Σ|s|/n.

    If no cluster changed, the computation assumes that all cases of a cluster change together, as in
    `difference_interval`. In simulations with clusters of four cases, the test detects an effect of this size in 79 to
    90% of the simulated comparisons (docs/measurements/statistics.md). If few clusters changed, the computed effect
    tends to be too large.

    Args:
        sums: Sum of the differences in each cluster, shape (G,).
        n: Number of cases.

    Returns:
        The effect, as a share. None if no effect is detectable. This happens if the effective number of clusters is
        below six.
    """
    changed = [abs(value) for value in sums if value]
    if not changed:
        return minimum_detectable_effect(len(sums), 0.0)
    total = sum(changed, start=Fraction())
    effective_share = total * total / sum((value * value for value in changed), start=Fraction()) / len(changed)
    share = minimum_detectable_effect(math.floor(len(sums) * effective_share), len(changed) / len(sums))
    if share is None:
        return None
    effect = share * float(Fraction(len(sums), len(changed)) * total / n)
    return effect if effect <= 1 else None
