"""The paired test behind every verdict: an exact sign-flip test on group sums.

If two candidates are equal, then swapping their names changes nothing, for each group of cases on its own: the sum of a
group's differences was as likely to come out with the other sign. So the observed total is held against the totals
under all 2^G choices of signs (Fisher 1935, The Design of Experiments, §21). With one case a group and values of 0 or 1
this is exact McNemar.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["Magnitudes", "group_sums", "sign_flip", "sign_flip_tail"]

_FINEST = 10_000
"""Values are means over epochs. Floats tell any two fractions with denominators up to this apart."""

_LONGEST = 1 << 18
"""Most steps that a distribution may have. Beyond, magnitudes are rounded, and p-values err upwards."""

Magnitudes = tuple[tuple[int, int], ...]
"""Pairs of a magnitude above 0 and how many groups have it, in any fixed order."""


@lru_cache(maxsize=4096)
def _fraction(value: float) -> Fraction:
    return Fraction(value).limit_denominator(_FINEST)


def group_sums(differences: Sequence[float], clusters: Sequence[str]) -> list[Fraction]:
    """Exact sum of differences per group, in order of first appearance.

    Args:
        differences: One value a case, a multiple of one over its epochs, shape (n,).
        clusters: The group of each case, shape (n,).

    Returns:
        Shape (G,). Fractions, since 1/3 + 1/3 - 2/3 must tie.
    """
    sums: dict[str, Fraction] = defaultdict(Fraction)
    for difference, cluster in zip(differences, clusters, strict=True):
        sums[cluster] += _fraction(difference)
    return list(sums.values())


def sign_flip(sums: Iterable[Fraction | int]) -> float:
    """Two-sided p-value: the share of sign choices whose total is at least as far from 0 as the observed one.

    Groups that sum to 0 count for nothing. With no group, none that moved, or a total of 0, p = 1. With one group that
    moved p = 1 too: fewer than six groups that moved never give p ≤ 5%.

    Args:
        sums: Group sums, shape (G,).
    """
    moved = [Fraction(value) for value in sums if value]
    if not moved:
        return 1.0
    scale = Fraction(math.lcm(*(value.denominator for value in moved)))
    scale /= math.gcd(*(int(value * scale) for value in moved))
    longest = sum(abs(value) for value in moved) * scale
    slack = 0
    if longest > _LONGEST:
        # Each magnitude, and each share in the observed total, is off by at most half a step.
        scale *= Fraction(_LONGEST) / longest
        slack = len(moved)
    steps = [round(value * scale) for value in moved]
    counts = Counter(abs(step) for step in steps if step)
    return sign_flip_tail(tuple(sorted(counts.items())), max(0, abs(sum(steps)) - slack))


@lru_cache(maxsize=1 << 14)
def sign_flip_tail(magnitudes: Magnitudes, least: int) -> float:
    """P(|Σ ±m| ≥ least), each sign a fair coin.

    Shift and halve: with B the sum of the magnitudes whose coin shows heads, Σ ±m = 2B - Σm. Equal magnitudes make a
    binomial; the binomials are convolved, in additions of positive terms only, so that small p-values keep their
    digits.
    """
    whole = sum(size * count for size, count in magnitudes)
    if least <= 0 or not magnitudes:
        return 1.0 if least <= 0 else 0.0
    *others, (last, number) = sorted(magnitudes, reverse=True)
    density = np.ones(1)
    for size, count in others:
        density = _add(density, size, _coins(count))
    # The last one needs no convolution, since only a tail is asked for: P(B ≥ b) = Σ_k P(k heads)·P(rest ≥ b - last·k).
    tail = np.append(np.cumsum(density[::-1])[::-1], 0.0)
    needed = -((-whole - least) // 2) - last * np.arange(number + 1)
    return min(1.0, 2 * float(_coins(number) @ tail[np.clip(needed, 0, len(density))]))


def _add(density: NDArray[np.float64], size: int, coins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Density of the sum of what `density` describes and `size` times the number of heads."""
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
    """P(k heads of `count` fair coins), shape (count + 1,), each the nearest float."""
    whole, ways, shares = 1 << count, 1, []
    for heads in range(count + 1):
        shares.append(ways / whole)
        ways = ways * (count - heads) // (heads + 1)
    return np.array(shares)
