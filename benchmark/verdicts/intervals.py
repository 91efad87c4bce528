"""Computes confidence intervals. The default confidence is 95%, without a correction for the number of metrics.

The method depends on the clusters (cases that are paraphrases of one question) and on the values:

    clusters and values                                         score                       paired difference
    every cluster is one case, and every value is 0 or 1        Wilson's interval           Tango's interval
    a cluster has several cases, or values are means of epochs  cluster-robust t interval   `difference_interval`
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
"""A width below this value is only a rounding error. The interval then counts as having no width."""

Method = Literal["wilson", "tango", "cluster t", "mover", "delong", "none"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval.

    Attributes:
        low: Lower end, in the unit of the score.
        high: Upper end, in the unit of the score.
        method: The method by which the interval was computed.
    """

    low: float
    high: float
    method: Method

    def inside(self, margin: float) -> bool:
        """Return whether the whole interval is between -margin and +margin."""
        return -margin <= self.low and self.high <= margin


def wilson(successes: float, n: int, confidence: float = 0.95) -> Interval:
    """Return the score interval for a proportion (Wilson 1927, JASA 22:209).

    Let z be the normal quantile and p = successes / n. The interval is
    (p + z²/2n ± z·sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n). The interval lies within [0, 1]. At p = 0 and p = 1 the width
    of the interval is above 0.

    Args:
        successes: Number of successes. A fraction is allowed.
        n: Number of cases. With n = 0 the interval is [0, 1].
        confidence: Two-sided coverage.
    """
    if n == 0:
        return Interval(0.0, 1.0, "wilson")
    z = float(ndtri(0.5 + confidence / 2))
    p = successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # The ends 0 and 1 are set exactly, because a rounding error could put a perfect score below a floor of 1.
    low = 0.0 if successes <= 0 else max(0.0, centre - half)
    high = 1.0 if successes >= n else min(1.0, centre + half)
    return Interval(low, high, "wilson")


def cluster_t(values: Sequence[float], clusters: Sequence[str], confidence: float = 0.95) -> Interval:
    """Return a cluster-robust t interval for a mean over cases (Liang & Zeger 1986, Biometrika 73:13).

    The mean is treated as a ratio estimator. Let e be the sum of residuals in one cluster, and G the number of
    clusters. The interval is mean ± t(G-1)·sqrt(G/(G-1)·Σe²)/n. If there is only one cluster, the variance between
    clusters is unknown, and the interval is (-inf, inf).

    Args:
        values: One value for each case, shape (n,).
        clusters: The cluster of each case, shape (n,).
        confidence: Two-sided coverage.
    """
    n = len(values)
    cluster_count = len(set(clusters))
    if cluster_count < 2:
        return Interval(-math.inf, math.inf, "none")
    mean = sum(values) / n
    residuals: dict[str, float] = defaultdict(float)
    for value, cluster in zip(values, clusters, strict=True):
        residuals[cluster] += value - mean
    squares = sum(total * total for total in residuals.values())
    spread = math.sqrt(cluster_count / (cluster_count - 1) * squares) / n
    half = float(stdtrit(cluster_count - 1, 0.5 + confidence / 2)) * spread
    return Interval(mean - half, mean + half, "cluster t")


def mean_interval(
    values: Sequence[float], clusters: Sequence[str], *, share: bool, confidence: float = 0.95
) -> Interval:
    """Return the interval of a mean. The table in the docstring of this module shows the method.

    If all clusters have the same mean, the cluster-robust interval has no width. If `share` is also true, Wilson's
    interval with n = number of clusters is used instead.

    Args:
        values: One value for each case, shape (n,).
        clusters: The cluster of each case, shape (n,).
        share: Whether the values lie in [0, 1]. If so, the interval is cut to [0, 1].
        confidence: Two-sided coverage.
    """
    cluster_count = len(set(clusters))
    binary = all(value in (0.0, 1.0) for value in values)
    if share and (not values or (cluster_count == len(values) and binary)):
        return wilson(sum(values), len(values), confidence)
    robust = cluster_t(values, clusters, confidence)
    if share and (len(set(values)) == 1 or robust.high - robust.low < _NO_WIDTH):
        return wilson(sum(values) / len(values) * cluster_count, cluster_count, confidence)
    return Interval(max(0.0, robust.low), min(1.0, robust.high), robust.method) if share else robust


def tango(n: float, wins: float, losses: float, confidence: float = 0.95) -> Interval:
    """Return the score interval for a paired difference of proportions (Tango 1998, Stat. Med. 17:891).

    The interval contains all λ with |wins - losses - nλ| ≤ z·sqrt(n(2q + λ(1-λ))). Here q is the maximum likelihood
    estimate of the share of losses if the difference is λ. This q is the upper root of
    2n·q² + (λ(2n - wins + losses) - wins - losses)·q - losses·λ(1-λ) = 0.

    The interval lies within [-1, 1]. Three special cases are:

        no win and no loss   ±z²/(n + z²)
        all cases are wins   [(n - z²)/(n + z²), 1]
        all are losses       [-1, -(n - z²)/(n + z²)]

    Args:
        n: Number of cases, or an effective sample size. A fraction is allowed. With n = 0 the interval is [-1, 1].
        wins: Number of cases that only the second candidate gets right.
        losses: Number of cases that only the first candidate gets right.
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

    # Imported here, because this import takes longer than all other imports of the module.
    from scipy.optimize import brentq

    # The root lies between -1, where `excess` is positive, and the estimate, where `excess` is negative.
    return float(brentq(excess, -1.0, (wins - losses) / n, xtol=1e-12))


def difference_interval(differences: Sequence[float], clusters: Sequence[str], confidence: float = 0.95) -> Interval:
    """Return the interval for the mean difference of two shares.

    If every cluster is one case and every difference is -1, 0 or 1, this is Tango's interval. Otherwise, this is
    Tango's interval after n, wins and losses were divided by the design effect. Korn & Graubard (1998, Surv. Methodol.
    24:193) describe this method for one share. The design effect is computed in three steps:

    1. The cluster-robust variance of the mean is divided by the variance of n independent cases with these wins and
       losses.
    2. The quotient is multiplied by (t(G-1)/z)², because the variance is only an estimate.
    3. If the product is below 1, the design effect is 1.

    If all clusters have the same mean difference, the variance between clusters is 0. Each cluster then counts as one
    case. A t interval over the clusters is not used, because it is too short on one side if nearly all changes have the
    same direction.

    Args:
        differences: Value of the second candidate minus value of the first candidate, one value in [-1, 1] for each
            case, shape (n,). With n = 0 the interval is [-1, 1].
        clusters: The cluster of each case, shape (n,). If there is only one cluster and not all differences are 0, the
            interval is [-1, 1].
        confidence: Two-sided coverage.
    """
    n, cluster_count = len(differences), len(set(clusters))
    wins = math.fsum(value for value in differences if value > 0)
    losses = -math.fsum(value for value in differences if value < 0)
    if cluster_count == n and all(value in (-1.0, 0.0, 1.0) for value in differences):
        return tango(n, wins, losses, confidence)
    robust = cluster_t(differences, clusters, confidence)
    if wins + losses == 0 or robust.high - robust.low < _NO_WIDTH:
        return tango(cluster_count, wins / n * cluster_count, losses / n * cluster_count, confidence)
    if math.isinf(robust.high):
        return Interval(-1.0, 1.0, "none")
    # Half of the width of the t interval is t·s, where s is the standard error. Dividing by z gives s·(t/z).
    inflated = (robust.high - robust.low) / 2 / float(ndtri(0.5 + confidence / 2))
    independent = ((wins + losses) / n - ((wins - losses) / n) ** 2) / n
    design_effect = max(1.0, inflated * inflated / independent)
    return tango(n / design_effect, wins / design_effect, losses / design_effect, confidence)


def balanced(
    first: float, first_interval: Interval, second: float, second_interval: Interval
) -> tuple[float, Interval]:
    """Return the mean of two independent scores, and its MOVER interval (Zou & Donner 2008, Stat. Med. 27:1693).

    Args:
        first: One score.
        first_interval: The interval of the first score.
        second: The other score.
        second_interval: The interval of the second score.
    """
    centre = (first + second) / 2
    low = centre - math.hypot(first - first_interval.low, second - second_interval.low) / 2
    high = centre + math.hypot(first_interval.high - first, second_interval.high - second) / 2
    return centre, Interval(low, high, "mover")
