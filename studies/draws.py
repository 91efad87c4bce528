"""Paired differences of candidates, drawn from a latent normal model with a known truth.

A case's difference is 1 where a standard normal is above an upper limit, -1 where it is below a lower one, else 0.
Cases of a group share a part of that normal, metrics share a part, and candidates share a part through their common
base. For equal candidates the limits are symmetric, and so is the joint distribution of everything.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

GROUP = 4
"""Cases a group, where there are groups."""

CHUNK = 250
"""Comparisons that are in memory at a time."""

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(120)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of a metric.

    Attributes:
        discordance: Share of cases on which the sides differ.
        effect: Mean difference.
        correlation: Of the differences of two cases of one group; 0 for one case a group.
    """

    discordance: float
    effect: float = 0.0
    correlation: float = 0.0

    @property
    def limits(self) -> tuple[float, float]:
        """Upper and lower limit of the latent normal."""
        upper = float(ndtri(1 - (self.discordance + self.effect) / 2))
        return upper, float(ndtri((self.discordance - self.effect) / 2))

    def shared(self) -> float:
        """Share of the latent variance that a group has in common, so that its differences correlate as said."""
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
    """Standard normals, those of one group correlated by `share`; the last axis is the cases."""
    own = random.standard_normal(shape, dtype=np.float32)
    if share == 0:
        return own
    common = random.standard_normal((*shape[:-1], shape[-1] // GROUP), dtype=np.float32)
    return math.sqrt(1 - share) * own + math.sqrt(share) * np.repeat(common, GROUP, axis=-1)


def draw(
    random: np.random.Generator, truth: Truth, comparisons: int, adapters: int, metrics: int, n: int
) -> NDArray[np.int8]:
    """Differences of shape (comparisons, adapters, metrics, n).

    Half of a latent normal is the base's, the same for all adapters; half of either is one factor for all metrics.
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


def binary(random: np.random.Generator, p: float, correlation: float, rows: int, groups: int) -> NDArray[np.int8]:
    """Values of 0 or 1, right with probability p, correlated within groups, of shape (rows, groups * GROUP)."""
    # A difference that is never -1: every discordant case is won.
    share = Truth(p, p * (1 - 1e-12), correlation).shared()
    latent = _normal(random, (rows, groups * GROUP), share)
    return (latent > float(ndtri(1 - p))).view(np.int8)


def clusters(n: int, correlation: float) -> tuple[str, ...]:
    """The group of each case."""
    return tuple(str(index // GROUP if correlation else index) for index in range(n))
