"""Draws random paired differences of candidates whose true scores are known.

For each case, a latent value with a standard normal distribution is drawn. The difference of the case is:

- 1 if the latent value is above an upper limit
- -1 if the latent value is below a lower limit
- 0 otherwise

The latent values of a cluster have a common part, so the cases of a cluster correlate. In the same way, the metrics of
a case correlate, and the adapters of a base correlate. For equal candidates, the limits are symmetric.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

CLUSTER_SIZE = 4
"""Number of cases in each cluster, in settings with clusters."""

CHUNK = 250
"""Number of comparisons that are in memory at the same time."""

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(120)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@dataclass(frozen=True, slots=True)
class Truth:
    """The true state of a metric.

    Attributes:
        discordance: Share of cases for which the results of the two sides differ.
        effect: Mean difference.
        correlation: Correlation between the differences of two cases in one cluster. If each cluster has one case, the
            correlation is 0.
    """

    discordance: float
    effect: float = 0.0
    correlation: float = 0.0

    @property
    def limits(self) -> tuple[float, float]:
        """Return the upper and the lower limit of the latent value."""
        upper = float(ndtri(1 - (self.discordance + self.effect) / 2))
        return upper, float(ndtri((self.discordance - self.effect) / 2))

    def shared(self) -> float:
        """Return the share of the random value that a cluster must have in common, to give the `correlation`."""
        if self.correlation == 0:
            return 0.0
        upper, lower = self.limits
        variance = self.discordance - self.effect**2

        def excess(share: float) -> float:
            own = math.sqrt(1 - share)
            above = ndtr((math.sqrt(share) * _NODES - upper) / own)
            below = ndtr((lower - math.sqrt(share) * _NODES) / own)
            return float(_WEIGHTS @ (above - below) ** 2) - self.effect**2 - self.correlation * variance

        return float(brentq(excess, 1e-6, 0.95))


def _normal(random: np.random.Generator, shape: tuple[int, ...], share: float) -> NDArray[np.float32]:
    """Draw standard normal values. Values of one cluster have the correlation `share`. The last axis is the cases."""
    own = random.standard_normal(shape, dtype=np.float32)
    if share == 0:
        return own
    common = random.standard_normal((*shape[:-1], shape[-1] // CLUSTER_SIZE), dtype=np.float32)
    return math.sqrt(1 - share) * own + math.sqrt(share) * np.repeat(common, CLUSTER_SIZE, axis=-1)


def draw(
    random: np.random.Generator, truth: Truth, comparisons: int, adapters: int, metrics: int, n: int
) -> NDArray[np.int8]:
    """Return random differences of shape (comparisons, adapters, metrics, n).

    Each difference follows from a normal random value. For each case, this value is the sum of four random parts with
    the same variance. One part is common to all adapters and metrics. The second is common to all metrics of an
    adapter, and the third to all adapters under a metric. The fourth belongs to this difference alone.
    """
    share = truth.shared()
    latent = _normal(random, (comparisons, adapters, metrics, n), share)
    if metrics > 1:
        latent += _normal(random, (comparisons, adapters, 1, n), share)
        latent *= math.sqrt(0.5)
    if adapters > 1:
        base = _normal(random, (comparisons, 1, metrics, n), share)
        base += _normal(random, (comparisons, 1, 1, n), share)
        base *= math.sqrt(0.5)
        latent += base
        latent *= math.sqrt(0.5)
    upper, lower = truth.limits
    return (latent > upper).view(np.int8) - (latent < lower).view(np.int8)


def binary(random: np.random.Generator, p: float, correlation: float, rows: int, count: int) -> NDArray[np.int8]:
    """Return random values of 0 or 1, of shape (rows, cases). A value is 1 with probability p.

    Values of one cluster have the given correlation.
    """
    # With this effect, a difference is never -1, so the differences are values of 0 or 1.
    share = Truth(p, p * (1 - 1e-12), correlation).shared()
    latent = _normal(random, (rows, count * CLUSTER_SIZE), share)
    return (latent > float(ndtri(1 - p))).view(np.int8)


def cluster_names(n: int, correlation: float) -> tuple[str, ...]:
    """Return the name of the cluster of each case."""
    return tuple(str(index // CLUSTER_SIZE if correlation else index) for index in range(n))
