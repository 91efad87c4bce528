"""What the cases could have shown: power of the paired test, and the smallest effect that it detects.

At an uncorrected 5%, two-sided, and for one metric: how much a comparison of this size can see at all, before it is
asked how many metrics share the risk.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, gammaln, xlog1py, xlogy

__all__ = ["ALPHA", "TARGET", "mcnemar_power", "minimum_detectable_effect", "minimum_detectable_effect_of_groups"]

ALPHA = 0.05
TARGET = 0.8


@lru_cache(maxsize=32)
def _critical(most: int, alpha: float) -> NDArray[np.float64]:
    """Largest number of losses among k discordant cases at which exact McNemar rejects, for k = 0 … most; -1: never."""
    found = np.empty(most + 1)
    losses = -1
    for discordant in range(most + 1):
        # One more discordant case moves the limit by one at most.
        if 2 * bdtr(losses + 1, discordant, 0.5) <= alpha:
            losses += 1
        found[discordant] = losses
    return found


def mcnemar_power(n: int, effect: float, discordance: float, alpha: float = ALPHA) -> float:
    """Probability that the test finds an effect of this size with its sign, one case a group (exact, unconditional).

    The number k of discordant cases is binomial(n, d), and each goes the effect's way with π = (d + effect) / 2d. Given
    k, exact McNemar rejects from a known limit on: Σ_k P(k)·P(binomial(k, 1 - π) ≤ limit_k) (Duffy 1984, Biometrics
    40:1005). An effect needs as many discordant cases: d is the discordance, or the effect where that is larger.

    Args:
        n: Cases. With fewer than six the power is 0.
        effect: Size of the difference of the two shares, in [0, 1].
        discordance: Share of cases on which the candidates differ, in [0, 1].
        alpha: Two-sided level.
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
    """Smallest effect that `mcnemar_power` puts at 80% or more, to six digits, or None where not even 1 is.

    Args:
        n: Cases, one a group. None below six: with five, the smallest p-value is 1/16.
        discordance: Observed share of cases on which the candidates differ.
    """
    if mcnemar_power(n, 1.0, discordance) < TARGET:
        return None
    low, high = 0.0, 1.0
    # Power rises with the effect: within the discordance more of it goes one way, beyond it there is more of it.
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (low, middle) if mcnemar_power(n, middle, discordance) >= TARGET else (middle, high)
    return high


def minimum_detectable_effect_of_groups(sums: Sequence[Fraction], n: int) -> float | None:
    """Smallest mean difference over n cases that the sign-flip test on these groups would detect at 80% power.

    With one case a group and values of 0 or 1 this is `minimum_detectable_effect`, exact. Otherwise groups that moved
    differ in size, and are replaced by fewer of one size, so that the largest total Σ|s| and the null variance Σs² stay
    what they are (Kish's effective number, Survey Sampling, 1965): K = (Σ|s|)²/Σs² for the k groups that moved, and
    G·K/k for all G. If of these a net share e moves one way, the mean difference is e·(G/k)·Σ|s|/n. Where nothing
    moved, a group is taken to move as one, as the interval does. In simulations with groups of four this finds the
    effect in 79 to 90% (docs/measurements/statistics.md), and errs towards a larger effect where few groups moved.

    Args:
        sums: Group sums of differences, shape (G,).
        n: Cases.

    Returns:
        None where the groups are too few to show anything: no groups, or effectively fewer than six.
    """
    moved = [abs(value) for value in sums if value]
    if not moved:
        return minimum_detectable_effect(len(sums), 0.0)
    total = sum(moved, start=Fraction())
    kept = total * total / sum((value * value for value in moved), start=Fraction()) / len(moved)
    share = minimum_detectable_effect(math.floor(len(sums) * kept), len(moved) / len(sums))
    if share is None:
        return None
    effect = share * float(Fraction(len(sums), len(moved)) * total / n)
    return effect if effect <= 1 else None
