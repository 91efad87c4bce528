"""Computes the area under the curve of recall against restraint (AUROC), and tests a paired difference of two areas.

The area is the probability that a case where a call is right has a higher score than a case where abstaining is right.
If both scores are equal, the pair counts one half. The area does not depend on a threshold. So if a candidate only
calls more, its area stays the same.

The variance is that of DeLong, DeLong & Clarke-Pearson (1988, Biometrics 44:837). If clusters have several cases, it is
that of Obuchowski (1997, Biometrics 53:567). Both are computed from placements. Each case forms a pair with every case
of the other kind. A pair is correct if the case where a call is right has the higher score. The placement of a case is
the share of correct pairs among its pairs. If every cluster is one case, the two variances are the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtr, stdtrit

from toolmark.benchmark.scoring.call_scores import CallScore
from toolmark.benchmark.scoring.metrics import AUROC, CaseValue
from toolmark.benchmark.verdicts.figure import Figure
from toolmark.benchmark.verdicts.intervals import Interval, wilson
from toolmark.benchmark.verdicts.recipe_verdicts import RecipeTest, recipe_test
from toolmark.benchmark.verdicts.verdict import (
    MARGIN,
    Difference,
    Paired,
    Tested,
    adjust,
    judge,
    nothing_in_common,
    overlap_of,
    pair,
)

__all__ = [
    "AreaDifference",
    "PairedScores",
    "area",
    "area_difference",
    "area_figure",
    "decide_areas",
    "pair_scores",
    "recipe_area",
]

_NO_SPREAD = 1e-9
"""A standard error or a gain below this value is only a rounding error."""


@dataclass(frozen=True, slots=True)
class _Spread:
    """How far an area, or a difference of two areas, can be from its true value.

    Attributes:
        error: The standard error.
        clusters: The number of clusters with a case of the rarer kind.
    """

    error: float
    clusters: int

    @property
    def freedom(self) -> int:
        """Return the degrees of freedom of the t distribution."""
        return max(1, self.clusters - 1)


def _right(scores: Sequence[CallScore]) -> NDArray[np.bool_]:
    return np.array([one.right for one in scores], dtype=bool)


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the ranks from 1. Equal values get the mean of their ranks."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return ranks


def _placements(scores: Sequence[CallScore]) -> NDArray[np.float64]:
    """Return, for each case, the share of the cases of the other kind against which its score is right. Shape (n,).

    They are computed from ranks (Sun & Xu 2014, IEEE Signal Process. Lett. 21:1389).

    Raises:
        ValueError: All cases are of the same kind.
    """
    if not _has_both(scores):
        raise ValueError("the area needs cases with a call and cases without a call")
    values, right = np.array([one.score for one in scores]), _right(scores)
    ranks = _ranks(values)
    below = np.empty(len(values))  # the number of cases of the other kind with a lower score; a tie counts one half
    for kind in (True, False):
        of_kind = right == kind
        below[of_kind] = ranks[of_kind] - _ranks(values[of_kind])
    calls, others = right.sum(), (~right).sum()
    result: NDArray[np.float64] = np.where(right, below / others, 1 - below / calls)
    return result


def _has_both(scores: Sequence[CallScore]) -> bool:
    return len({one.right for one in scores}) == 2


def area(scores: Sequence[CallScore]) -> float:
    """Return the area under the curve, in [0, 1].

    Raises:
        ValueError: All cases are of the same kind.
    """
    return float(_placements(scores)[_right(scores)].mean())


def _spread(scores: Sequence[CallScore], placements: NDArray[np.float64]) -> _Spread:
    """Return the spread of the mean placement. The placements can also be differences of placements.

    Let p and q be the sums of a cluster: of the centred placements of its cases with a call, divided by their number in
    all clusters, and in the same way of its cases without a call. Let I10 and I01 be the numbers of clusters with a
    case of each kind, and I the number of clusters. The variance is
    I10/(I10-1)·Σp² + I01/(I01-1)·Σq² + 2·I/(I-1)·Σpq.
    """
    right = _right(scores)
    names, cluster = np.unique([one.cluster for one in scores], return_inverse=True)
    sums, counts = [], []
    for kind in (True, False):
        of_kind = right == kind
        centred = (placements[of_kind] - placements[of_kind].mean()) / of_kind.sum()
        sums.append(np.bincount(cluster[of_kind], centred, len(names)))
        counts.append(len(set(cluster[of_kind].tolist())))
    if min(counts) < 2:
        return _Spread(math.inf, min(counts))
    (p, q), (with_call, without) = sums, counts
    variance = with_call / (with_call - 1) * p @ p + without / (without - 1) * q @ q
    variance += 2 * len(names) / (len(names) - 1) * p @ q
    return _Spread(math.sqrt(max(0.0, float(variance))), min(counts))


def area_figure(scores: Sequence[CallScore]) -> Figure:
    """Return the area with its 95% interval. If one kind of case is missing, return a figure without a score.

    The interval is computed on the logit scale, so it lies in [0, 1]. If the standard error is 0, Wilson's interval is
    used. Its n is the number of clusters that have a case of the rarer kind.
    """
    if not _has_both(scores):
        return Figure(0)
    placements = _placements(scores)
    value, spread = float(placements[_right(scores)].mean()), _spread(scores, placements)
    if math.isinf(spread.error):
        interval = Interval(0.0, 1.0, "none")
    elif spread.error < _NO_SPREAD or value in (0.0, 1.0):
        interval = wilson(value * spread.clusters, spread.clusters)
    else:
        half = float(stdtrit(spread.freedom, 0.975)) * spread.error / (value * (1 - value))
        centre = math.log(value / (1 - value))
        low, high = (1 / (1 + math.exp(-(centre + sign * half))) for sign in (-1, 1))
        interval = Interval(low, high, "delong")
    return Figure(len(scores), value, interval)


@dataclass(frozen=True, slots=True)
class AreaDifference:
    """The paired difference of two areas.

    Attributes:
        effect: Area of the candidate minus area of the base.
        p: Two-sided p-value of a t test.
        gains: For each case, how much better its placement is with the candidate, shape (n,). A gain that is only a
            rounding error is set to 0.
    """

    effect: float
    p: float
    gains: tuple[float, ...]
    _spread: _Spread

    def interval(self, confidence: float = 0.95) -> Interval:
        """Return the interval of the difference.

        If the standard error is 0, the interval is as wide as Tango's interval without a changed case. Its n is the
        number of clusters that have a case of the rarer kind.
        """
        error, clusters = self._spread.error, self._spread.clusters
        if math.isinf(error):
            return Interval(-1.0, 1.0, "none")
        if error < _NO_SPREAD:
            z = float(ndtri(0.5 + confidence / 2))
            half = z * z / (clusters + z * z)
        else:
            half = float(stdtrit(self._spread.freedom, 0.5 + confidence / 2)) * error
        return Interval(max(-1.0, self.effect - half), min(1.0, self.effect + half), "delong")

    @property
    def minimum_detectable(self) -> float | None:
        """Return the effect that the test detects with a power of 80%. None if no effect is detectable."""
        error, freedom = self._spread.error, self._spread.freedom
        if not _NO_SPREAD <= error < math.inf:
            return None
        effect = float(stdtrit(freedom, 0.975) + stdtrit(freedom, 0.8)) * error
        return effect if effect <= 1 else None


def area_difference(base: Sequence[CallScore], candidate: Sequence[CallScore]) -> AreaDifference:
    """Return the paired difference of two areas.

    Args:
        base: The scores of the base, shape (n,).
        candidate: The scores of the candidate for the same cases in the same order, shape (n,).

    Raises:
        ValueError: All cases are of the same kind, or the cases differ.
    """
    if [(one.case_id, one.right) for one in base] != [(one.case_id, one.right) for one in candidate]:
        raise ValueError("the two sides have different cases")
    theirs, ours, right = _placements(base), _placements(candidate), _right(base)
    effect, gains = float(ours[right].mean()) - float(theirs[right].mean()), ours - theirs
    spread = _spread(base, gains)
    if abs(effect) < _NO_SPREAD or math.isinf(spread.error):
        p = 1.0
    elif spread.error < _NO_SPREAD:
        p = min(1.0, 2.0 ** (1 - spread.clusters))  # every case changes in the same way, as in a sign-flip test
    else:
        p = float(2 * stdtr(spread.freedom, -abs(effect) / spread.error))
    real = np.where(np.abs(gains) > _NO_SPREAD, gains, 0.0)
    return AreaDifference(effect, p, tuple(real.tolist()), spread)


@dataclass(frozen=True, slots=True)
class PairedScores:
    """The scores of the cases that both sides have.

    Attributes:
        base: The scores of the base.
        candidate: The scores of the candidate for the same cases.
        paired: The ids and the clusters of these cases, and the ids of the cases that only one side has. Also whether
            both sides gave identical completions.
    """

    base: tuple[CallScore, ...]
    candidate: tuple[CallScore, ...]
    paired: Paired


def pair_scores(base: Sequence[CallScore], candidate: Sequence[CallScore], *, identical: bool = False) -> PairedScores:
    """Return the scores of the cases that both sides have, in the order of the base.

    Args:
        base: The scores of the base.
        candidate: The scores of the candidate.
        identical: Whether both sides gave identical completions.
    """
    values = [[CaseValue(one.case_id, one.cluster, one.score) for one in side] for side in (base, candidate)]
    paired = pair(*values, identical=identical)
    sides = [{one.case_id: one for one in side} for side in (base, candidate)]
    of_base, of_candidate = (tuple(side[case_id] for case_id in paired.case_ids) for side in sides)
    return PairedScores(of_base, of_candidate, paired)


def recipe_area(trainings: Sequence[PairedScores]) -> RecipeTest | None:
    """Return the test of the area of a recipe with several trainings. None if one kind of case is missing.

    The mean gain of a case over the trainings takes the place of its gain. So the part of the cases is the variance of
    `area_difference` for the mean gains.

    Args:
        trainings: The paired scores of at least two trainings with the same base.
    """
    common = set.intersection(*(set(one.paired.case_ids) for one in trainings))
    base = [one for one in trainings[0].base if one.case_id in common]
    if not _has_both(base):
        return None
    found = []
    for training in trainings:
        scores = {one.case_id: one for one in training.candidate}
        found.append(area_difference(base, [scores[one.case_id] for one in base]))
    spread = _spread(base, np.array([one.gains for one in found]).mean(0))
    joined = recipe_test([one.effect for one in found], spread.error, spread.freedom, len(base))
    if joined is None:  # all trainings have the same gains, so the test of one training fits
        one = found[0]
        joined = RecipeTest(len(base), one.effect, one.interval(), one.interval(0.90), 0.0, one.p)
    return joined.paired_as([one.paired for one in trainings], [one.gains for one in found])


def decide_areas(candidates: Mapping[str, PairedScores], margin: float = MARGIN) -> dict[str, Difference]:
    """Return the difference of the area for each candidate, with its verdict.

    The area is in no family with other metrics. Holm's correction is only for the improvements of several candidates.

    Args:
        candidates: The paired scores by the name of the candidate.
        margin: Differences between -margin and +margin count as equivalent.
    """
    tested = {name: area_difference(one.base, one.candidate) for name, one in candidates.items() if _has_both(one.base)}
    adjusted = dict(zip(tested, adjust([{AUROC.id: one} for one in tested.values()]), strict=True))
    found = {}
    for name, one in candidates.items():
        if name not in tested:
            found[name] = nothing_in_common(one.paired)
            continue
        test = tested[name]
        wide, narrow = test.interval(), test.interval(0.90)
        figures = Tested(one.paired, test.gains, test.effect, test.p, test.minimum_detectable, wide, narrow)
        found[name] = judge(figures, adjusted[name][AUROC.id], margin, overlap_of([one.paired]))
    return found
