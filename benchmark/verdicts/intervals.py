"""Confidence intervals, at 95% unless told otherwise, and uncorrected for the number of metrics.

Where every group is one case and every value is 0 or 1, Wilson's interval for one proportion and Tango's for a paired
difference of two. Where cases come in groups (paraphrases share their fate) or values are means over epochs, a
cluster-robust t interval over the groups.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from scipy.special import ndtri, stdtrit

__all__ = ["Interval", "balanced", "cluster_t", "difference_interval", "mean_interval", "tango", "wilson"]

_NO_WIDTH = 1e-9
"""Below this an interval's width is rounding."""

Method = Literal["wilson", "tango", "cluster t", "mover", "none"]


@dataclass(frozen=True, slots=True)
class Interval:
    """Lower and upper end, in the unit of the score, and how they were found."""

    low: float
    high: float
    method: Method


def wilson(successes: float, n: int, confidence: float = 0.95) -> Interval:
    """Score interval for a proportion (Wilson 1927, JASA 22:209).

    With z the normal quantile and p = successes / n: (p + z²/2n ± z·sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n). Never leaves
    [0, 1], and has a width at p = 0 and 1. For n = 0 it is [0, 1]: nothing is known.
    """
    if n == 0:
        return Interval(0.0, 1.0, "wilson")
    z = float(ndtri(0.5 + confidence / 2))
    p = successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # At the ends the bound is the end itself; a rounding error there would put a perfect score below a floor of 1.
    low = 0.0 if successes <= 0 else max(0.0, centre - half)
    high = 1.0 if successes >= n else min(1.0, centre + half)
    return Interval(low, high, "wilson")


def cluster_t(values: Sequence[float], clusters: Sequence[str], confidence: float = 0.95) -> Interval:
    """Cluster-robust t interval for a mean over cases (Liang & Zeger 1986, Biometrika 73:13, as a ratio estimator).

    With e the residual sums per group and G groups: mean ± t(G-1)·sqrt(G/(G-1)·Σe²)/n. One group alone says nothing of
    the spread between groups: the interval is (-inf, inf).

    Args:
        values: One value a case, shape (n,).
        clusters: The group of each case, shape (n,).
        confidence: Two-sided coverage.
    """
    n = len(values)
    groups = len(set(clusters))
    if groups < 2:
        return Interval(-math.inf, math.inf, "none")
    mean = sum(values) / n
    residuals: dict[str, float] = defaultdict(float)
    for value, cluster in zip(values, clusters, strict=True):
        residuals[cluster] += value - mean
    spread = math.sqrt(groups / (groups - 1) * sum(total * total for total in residuals.values())) / n
    half = float(stdtrit(groups - 1, 0.5 + confidence / 2)) * spread
    return Interval(mean - half, mean + half, "cluster t")


def mean_interval(
    values: Sequence[float], clusters: Sequence[str], *, share: bool, confidence: float = 0.95
) -> Interval:
    """The interval that fits the data, by the rule of the module docstring.

    Args:
        values: One value a case, shape (n,).
        clusters: The group of each case, shape (n,).
        share: Values lie in [0, 1]. Then the interval is cut there, and groups with one and the same mean, whose
            residuals would give it no width, get Wilson's at n = number of groups.
        confidence: Two-sided coverage.
    """
    groups = len(set(clusters))
    binary = all(value in (0.0, 1.0) for value in values)
    if share and (not values or (groups == len(values) and binary)):
        return wilson(sum(values), len(values), confidence)
    found = cluster_t(values, clusters, confidence)
    if share and (len(set(values)) == 1 or found.high - found.low < _NO_WIDTH):
        return wilson(sum(values) / len(values) * groups, groups, confidence)
    return Interval(max(0.0, found.low), min(1.0, found.high), found.method) if share else found


def tango(n: float, wins: float, losses: float, confidence: float = 0.95) -> Interval:
    """Score interval for a paired difference of proportions (Tango 1998, Stat. Med. 17:891).

    All λ with |wins - losses - nλ| ≤ z·sqrt(n(2q + λ(1-λ))), where q is the likeliest share of losses if the difference
    is λ: the upper root of 2n·q² + (λ(2n - wins + losses) - wins - losses)·q - losses·λ(1-λ) = 0.

    With n = 0 it is [-1, 1]: nothing is known. With no discordant case it is ±z²/(n + z²). Where all cases were won it
    is [(n - z²)/(n + z²), 1], and its mirror image where all were lost. It never leaves [-1, 1].

    Args:
        n: Cases. Fractions are taken, for cases that stand for groups.
        wins: Cases that only the second candidate gets right.
        losses: Cases that only the first candidate gets right.
        confidence: Two-sided coverage.
    """
    if n == 0:
        return Interval(-1.0, 1.0, "tango")
    z = float(ndtri(0.5 + confidence / 2))
    return Interval(_tango_low(n, wins, losses, z), -_tango_low(n, losses, wins, z), "tango")


def _tango_low(n: float, wins: float, losses: float, z: float) -> float:
    if wins + losses == 0:
        return -z * z / (n + z * z)
    if wins == n:
        return (n - z * z) / (n + z * z)
    if losses == n:
        return -1.0

    def excess(difference: float) -> float:
        half = (difference * (2 * n - wins + losses) - wins - losses) / (4 * n)
        q = math.sqrt(max(0.0, half * half + losses * difference * (1 - difference) / (2 * n))) - half
        return wins - losses - n * difference - z * math.sqrt(max(0.0, n * (2 * q + difference * (1 - difference))))

    # scipy.optimize takes longer to import than all else here.
    from scipy.optimize import brentq

    # Positive at -1, where the variance is 0; negative at the estimate, where only the variance is left.
    return float(brentq(excess, -1.0, (wins - losses) / n, xtol=1e-12))


def difference_interval(differences: Sequence[float], clusters: Sequence[str], confidence: float = 0.95) -> Interval:
    """Tango's interval for a mean difference of two shares, at the number of independent cases that there are.

    Where every group is one case and every difference is -1, 0 or 1, that is n. Otherwise n, wins and losses are
    divided by the design effect (Korn & Graubard 1998, Surv. Methodol. 24:193, for one share): the cluster-robust
    variance of the mean over the variance that n independent cases with these wins and losses would have, at least 1,
    times (t(G-1)/z)² for its own uncertainty. A t interval over the groups would be too short on the far side where
    nearly all that moved moved one way. Groups that all moved alike have no variance to see, and count as one case
    each.

    Args:
        differences: Second candidate less first, one value in [-1, 1] a case, shape (n,). With n = 0: [-1, 1].
        clusters: The group of each case, shape (n,). With one group, unless nothing moved: [-1, 1].
        confidence: Two-sided coverage.
    """
    n, groups = len(differences), len(set(clusters))
    wins = math.fsum(value for value in differences if value > 0)
    losses = -math.fsum(value for value in differences if value < 0)
    if groups == n and all(value in (-1.0, 0.0, 1.0) for value in differences):
        return tango(n, wins, losses, confidence)
    found = cluster_t(differences, clusters, confidence)
    if wins + losses == 0 or found.high - found.low < _NO_WIDTH:
        return tango(groups, wins / n * groups, losses / n * groups, confidence)
    if math.isinf(found.high):
        return Interval(-1.0, 1.0, "none")
    # Half the t interval is t·s, so over z it is already s·(t/z).
    half = (found.high - found.low) / 2 / float(ndtri(0.5 + confidence / 2))
    independent = ((wins + losses) / n - ((wins - losses) / n) ** 2) / n
    worth = max(1.0, half * half / independent)
    return tango(n / worth, wins / worth, losses / worth, confidence)


def balanced(
    first: float, first_interval: Interval, second: float, second_interval: Interval
) -> tuple[float, Interval]:
    """Mean of two independent scores, with its interval by MOVER (Zou & Donner 2008, Stat. Med. 27:1693)."""
    centre = (first + second) / 2
    low = centre - math.hypot(first - first_interval.low, second - second_interval.low) / 2
    high = centre + math.hypot(first_interval.high - first, second_interval.high - second) / 2
    return centre, Interval(low, high, "mover")
