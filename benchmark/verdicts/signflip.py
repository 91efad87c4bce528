"""The paired test from which every verdict follows: an exact sign-flip test on the sums of clusters.

Each cluster has a sum of differences between the two candidates. If both candidates are equally good (null hypothesis),
each sum is positive or negative with the same probability. With G clusters, there are 2^G choices of signs. The test
compares the observed total with the totals for all these choices (Fisher 1935, The Design of Experiments, §21). If
every cluster is one case and values are 0 or 1, the test is the exact McNemar test.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["Magnitudes", "cluster_sums", "sign_flip", "sign_flip_tail"]

_MAX_DENOMINATOR = 10_000
"""Highest denominator of a value. Values are means over epochs, so they are fractions. A float stores them rounded."""

_MAX_STEPS = 1 << 18
"""Highest number of steps of a distribution. If more steps are needed, magnitudes are rounded. Rounding can make p
larger, but never smaller."""

Magnitudes = tuple[tuple[int, int], ...]
"""Pairs of a magnitude (the absolute sum of a cluster, above 0) and the number of clusters with this magnitude."""


@lru_cache(maxsize=4096)
def _fraction(value: float) -> Fraction:
    return Fraction(value).limit_denominator(_MAX_DENOMINATOR)


def cluster_sums(differences: Sequence[float], clusters: Sequence[str]) -> list[Fraction]:
    """Return the exact sum of differences in each cluster.

    Args:
        differences: One value for each case, shape (n,). A value is a fraction with a denominator of at most 10,000.
        clusters: The cluster of each case, shape (n,).

    Returns:
        The sums in the order in which the clusters first appear, shape (G,). The sums are fractions, because a sum
        such as 1/3 + 1/3 - 2/3 must be exactly 0.
    """
    sums: dict[str, Fraction] = defaultdict(Fraction)
    for difference, cluster in zip(differences, clusters, strict=True):
        sums[cluster] += _fraction(difference)
    return list(sums.values())


def sign_flip(sums: Iterable[Fraction | int]) -> float:
    """Return the two-sided p-value.

    The p-value is the share of sign choices whose total is at least as far from 0 as the observed total. Clusters with
    a sum of 0 do not change the result. If the total is 0, p is 1. If only one cluster has a sum other than 0, p is 1
    too. If fewer than six clusters have a sum other than 0, p is always above 5%.

    Args:
        sums: Sum of the differences in each cluster, shape (G,).
    """
    changed = [Fraction(value) for value in sums if value]
    if not changed:
        return 1.0
    scale = Fraction(math.lcm(*(value.denominator for value in changed)))
    scale /= math.gcd(*(int(value * scale) for value in changed))
    step_count = sum(abs(value) for value in changed) * scale
    slack = 0
    if step_count > _MAX_STEPS:
        # Rounding moves each magnitude, and each term of the observed total, by at most half a step.
        scale *= Fraction(_MAX_STEPS) / step_count
        slack = len(changed)
    steps = [round(value * scale) for value in changed]
    counts = Counter(abs(step) for step in steps if step)
    return sign_flip_tail(tuple(sorted(counts.items())), max(0, abs(sum(steps)) - slack))


@lru_cache(maxsize=1 << 14)
def sign_flip_tail(magnitudes: Magnitudes, least: int) -> float:
    """Return P(|Σ ±m| ≥ least), where each sign is + or - with probability 1/2.

    Let B be the sum of the magnitudes with the sign +. Then Σ ±m = 2B - Σm. For equal magnitudes, B has a binomial
    distribution. The distributions of different magnitudes are convolved. Small p-values are precise, because no term
    is negative.

    Args:
        magnitudes: The magnitudes m and their counts.
        least: The observed total, without its sign.
    """
    whole = sum(size * count for size, count in magnitudes)
    if least <= 0 or not magnitudes:
        return 1.0 if least <= 0 else 0.0
    *others, (last, number) = sorted(magnitudes, reverse=True)
    density = np.ones(1)
    for size, count in others:
        density = _add(density, size, _coins(count))
    # Because only the tail is needed, the last magnitude is not convolved: P(B ≥ b) = Σ_k P(k)·P(rest ≥ b - last·k).
    tail = np.append(np.cumsum(density[::-1])[::-1], 0.0)
    needed = -((-whole - least) // 2) - last * np.arange(number + 1)
    return min(1.0, 2 * float(_coins(number) @ tail[np.clip(needed, 0, len(density))]))


def _add(density: NDArray[np.float64], size: int, coins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the density of X + `size`·K, where X has the density `density` and K has the density `coins`."""
    result = np.zeros(len(density) + size * (len(coins) - 1))
    if len(coins) <= len(density):
        for heads, share in enumerate(coins):
            result[heads * size : heads * size + len(density)] += share * density
    else:
        for start, share in enumerate(density):
            result[start : start + size * (len(coins) - 1) + 1 : size] += share * coins
    return result


@lru_cache(maxsize=1024)
def _coins(count: int) -> NDArray[np.float64]:
    """Return the probabilities of 0 … `count` heads of `count` fair coins, shape (count + 1,)."""
    whole, ways, shares = 1 << count, 1, []
    for heads in range(count + 1):
        shares.append(ways / whole)
        ways = ways * (count - heads) // (heads + 1)
    return np.array(shares)
