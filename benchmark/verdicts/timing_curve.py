"""Computes the timing curve of a contestant: recall against restraint for every threshold, and calibration.

A threshold turns scores into calls: the candidate calls if its score is above the threshold. A low threshold gives a
high recall and a low restraint. Two candidates on the same curve know equally well when to call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolmark.benchmark.runs.calibration import Calibration
from toolmark.benchmark.scoring.call_scores import CallScore, ScoreSource
from toolmark.benchmark.verdicts.figure import Figure
from toolmark.benchmark.verdicts.intervals import mean_interval
from toolmark.benchmark.verdicts.verdict import Difference

__all__ = [
    "BINS",
    "AtThreshold",
    "Bin",
    "CurvePoint",
    "TimingCurve",
    "at_threshold",
    "calibration_error",
    "curve_points",
    "reliability",
]

BINS = 10
"""Number of bins of the expected calibration error. All bins are equally wide."""

_MOST_POINTS = 200


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """A point of a timing curve.

    Attributes:
        threshold: The candidate calls if its score is above this value.
        recall: Among the cases in which a call is right, the share in which the score is above the threshold.
        restraint: Among the cases in which no call is right, the share in which the score is not above the threshold.
    """

    threshold: float
    recall: float
    restraint: float


@dataclass(frozen=True, slots=True)
class Bin:
    """The cases whose probability of a call is in one range.

    Attributes:
        low: Lower end of the range.
        high: Upper end of the range.
        n: Number of cases.
        probability: Mean probability of a call.
        right: Share of the cases in which a call is right.
    """

    low: float
    high: float
    n: int
    probability: float
    right: float


@dataclass(frozen=True, slots=True)
class AtThreshold:
    """The scores of a contestant with a threshold for calls. The threshold was fitted for 90% restraint on dev cases.

    Attributes:
        threshold: The threshold.
        recall: Recall with this threshold.
        restraint: Restraint with this threshold. It can differ from 90%, because it is not measured on the dev cases.
        fitted_on: On which dev cases the threshold was fitted, in words.
    """

    threshold: float
    recall: Figure
    restraint: Figure
    fitted_on: str


@dataclass(frozen=True, slots=True)
class TimingCurve:
    """The timing curve of a contestant.

    Attributes:
        source: Where the scores come from: the probability of a call, or the share of calls over the epochs. All curves
            of a comparison have the same source, if there is a source that all contestants with a curve have.
        area: The area under the curve.
        points: The points of the curve, from the lowest threshold to the highest. A long curve is thinned. The
            operating point of the contestant is not among these points. `timing.recall` and `timing.restraint` are the
            coordinates of the operating point.
        bins: The bins of the calibration that contain a case. Empty if the probability is not known.
        calibration_error: The expected calibration error. None if the probability is not known.
        at_restraint: The scores with the threshold for 90% restraint. None if no threshold was fitted on dev cases.
        difference: The difference of the area under the curve from the baseline. None if there is no baseline, or if
            the scores of the two sides come from different sources.
        sentence: How the curve differs from the curve of the baseline, in words. Empty if there is no difference.
    """

    source: ScoreSource
    area: Figure
    points: tuple[CurvePoint, ...]
    bins: tuple[Bin, ...] = ()
    calibration_error: float | None = None
    at_restraint: AtThreshold | None = None
    difference: Difference | None = None
    sentence: str = ""


def at_threshold(scores: Sequence[CallScore], calibration: Calibration) -> AtThreshold:
    """Return recall and restraint with a threshold.

    Args:
        scores: The scores. Both kinds of cases must be present.
        calibration: The threshold. It must not be chosen on these scores.
    """
    figures = []
    for kind in (True, False):
        rows = [one for one in scores if one.right == kind]
        values = [float((one.score > calibration.threshold) == kind) for one in rows]
        interval = mean_interval(values, [one.cluster for one in rows], share=True)
        figures.append(Figure(len(values), sum(values) / len(values), interval))
    recall, restraint = figures
    return AtThreshold(calibration.threshold, recall, restraint, calibration.fitted_on)


def curve_points(scores: Sequence[CallScore], most: int = _MOST_POINTS) -> tuple[CurvePoint, ...]:
    """Return the points of a curve, from the lowest threshold to the highest. The thresholds are 0 and all scores.

    Args:
        scores: The scores. Both kinds of cases must be present.
        most: Highest number of points. If there are more points, only points at equal distances and the last point are
            kept.
    """
    calls, others = (np.sort([one.score for one in scores if one.right == kind]) for kind in (True, False))
    thresholds = np.unique([0.0, *calls, *others])
    if len(thresholds) > most:
        thresholds = thresholds[np.unique(np.linspace(0, len(thresholds) - 1, most).round().astype(int))]
    recall = (len(calls) - np.searchsorted(calls, thresholds, side="right")) / len(calls)
    restraint = np.searchsorted(others, thresholds, side="right") / len(others)
    return tuple(CurvePoint(*map(float, point)) for point in zip(thresholds, recall, restraint, strict=True))


def reliability(scores: Sequence[CallScore]) -> tuple[Bin, ...]:
    """Return the bins of the calibration that contain a case, in ascending order."""
    found = []
    for number in range(BINS):
        inside = [one for one in scores if min(BINS - 1, int(one.score * BINS)) == number]
        if inside:
            probability = sum(one.score for one in inside) / len(inside)
            right = sum(one.right for one in inside) / len(inside)
            found.append(Bin(number / BINS, (number + 1) / BINS, len(inside), probability, right))
    return tuple(found)


def calibration_error(bins: Sequence[Bin]) -> float:
    """Return the expected calibration error (Naeini et al. 2015, AAAI): the mean of |probability - right| over cases.

    Args:
        bins: At least one bin.
    """
    return sum(one.n * abs(one.probability - one.right) for one in bins) / sum(one.n for one in bins)
