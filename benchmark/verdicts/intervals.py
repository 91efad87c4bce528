"""Confidence intervals for one score, at 95% unless told otherwise, and uncorrected for the number of metrics.

Where every group is one case and every value is 0 or 1, Wilson's interval for a proportion. Where cases come in groups
(paraphrases share their fate) or values are means over epochs, a cluster-robust t interval over the groups.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from scipy.special import ndtri, stdtrit

__all__ = ["Interval", "balanced", "cluster_t", "mean_interval", "wilson"]

_NO_WIDTH = 1e-9
"""Below this an interval's width is rounding."""

Method = Literal["wilson", "cluster t", "mover", "none"]


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


def balanced(
    first: float, first_interval: Interval, second: float, second_interval: Interval
) -> tuple[float, Interval]:
    """Mean of two independent scores, with its interval by MOVER (Zou & Donner 2008, Stat. Med. 27:1693)."""
    centre = (first + second) / 2
    low = centre - math.hypot(first - first_interval.low, second - second_interval.low) / 2
    high = centre + math.hypot(first_interval.high - first, second_interval.high - second) / 2
    return centre, Interval(low, high, "mover")
