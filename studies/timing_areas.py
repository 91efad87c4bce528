"""Measures the interval and the test of a difference of two areas, on random comparisons with known true areas."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolmark.benchmark.scoring.call_scores import CallScore
from toolmark.benchmark.verdicts.auroc import area_difference
from toolmark.benchmark.verdicts.verdict import LEVEL

__all__ = ["AREAS", "AreaErrors", "AreaTruth", "area_errors", "random_scores"]

CLUSTER_SIZE = 4
_STEPS = 10
"""With ties, every score is rounded to one of about this number of values."""
_LARGE = 400_000


@dataclass(frozen=True, slots=True)
class AreaTruth:
    """The true state of two sides. Scores are normal, and calls have a higher mean than abstentions.

    Attributes:
        n: Number of cases. Half of them are cases with a call.
        base: Distance between the mean of calls and the mean of abstentions, for the base. In standard deviations.
        candidate: The same for the candidate.
        sides: Correlation of the two sides in one case.
        clusters: Correlation of two cases of one cluster. With 0, every cluster is one case. Otherwise a cluster has
            four cases, two of each kind.
        ties: Whether scores are rounded, so that there are many ties.
    """

    n: int
    base: float
    candidate: float
    sides: float = 0.6
    clusters: float = 0.0
    ties: bool = False


@dataclass(frozen=True, slots=True)
class AreaErrors:
    """How often the interval contains the true difference, and how often the test rejects.

    Attributes:
        truth: The true state.
        effect: The true difference of the areas.
        coverage: Share of the 95% intervals that contain the true difference.
        rejected: Share of the comparisons with p at most 5%. If the true difference is 0, these are false alarms.
        comparisons: Number of comparisons.
    """

    truth: AreaTruth
    effect: float
    coverage: float
    rejected: float
    comparisons: int


AREAS = tuple(
    AreaTruth(n, base, candidate, clusters=clusters, ties=ties)
    for n in (200, 1000)
    for base, candidate in ((1.0, 1.0), (2.0, 2.0), (1.0, 1.5), (1.5, 2.5))
    for clusters in (0.0, 0.4)
    for ties in (False, True)
)


def _draw(random: np.random.Generator, truth: AreaTruth, n: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return random scores of both sides, shape (2, n), and whether a call is right, shape (n,)."""
    right = np.arange(n) % 2 == 0
    groups = np.arange(n) // (CLUSTER_SIZE if truth.clusters else 1)

    def noise(size: int) -> NDArray[np.float64]:
        shared, own = random.standard_normal(size), random.standard_normal((2, size))
        return math.sqrt(truth.sides) * shared + math.sqrt(1 - truth.sides) * own

    scores = math.sqrt(1 - truth.clusters) * noise(n)
    if truth.clusters:
        scores += math.sqrt(truth.clusters) * noise(int(groups[-1]) + 1)[:, groups]
    scores += np.array([[truth.base], [truth.candidate]]) * right
    if truth.ties:
        scores = np.round(scores * _STEPS / 6) / _STEPS * 6
    return scores, right


def random_scores(random: np.random.Generator, truth: AreaTruth) -> tuple[list[CallScore], list[CallScore]]:
    """Return random scores of the base and of the candidate."""
    scores, right = _draw(random, truth, truth.n)
    size = CLUSTER_SIZE if truth.clusters else 1
    base, candidate = (
        [CallScore(str(case), str(case // size), bool(right[case]), value) for case, value in enumerate(side.tolist())]
        for side in scores
    )
    return base, candidate


def _area(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    calls, others = np.sort(scores[right]), np.sort(scores[~right])
    below = (np.searchsorted(others, calls, "left") + np.searchsorted(others, calls, "right")) / 2
    return float(below.mean() / len(others))


def area_errors(truth: AreaTruth, comparisons: int) -> AreaErrors:
    """Count errors over random comparisons. The true difference with ties is estimated from a large sample."""
    effect = 0.0
    if truth.base != truth.candidate:
        large, right = _draw(np.random.default_rng(1), truth, _LARGE)
        effect = _area(large[1], right) - _area(large[0], right)
    random = np.random.default_rng(0)
    covered = rejected = 0
    for _ in range(comparisons):
        found = area_difference(*random_scores(random, truth))
        interval = found.interval()
        covered += interval.low <= effect <= interval.high
        rejected += found.p <= LEVEL
    return AreaErrors(truth, effect, covered / comparisons, rejected / comparisons, comparisons)
