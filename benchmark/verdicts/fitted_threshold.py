"""Chooses the threshold for calls that keeps a demanded restraint, and has the highest recall."""

from __future__ import annotations

import math
from collections.abc import Sequence

from toolmark.benchmark.scoring.call_scores import CallScore
from toolmark.benchmark.verdicts.timing_curve import curve_points

__all__ = ["fit_threshold"]

_MOST_DIGITS = 17


def fit_threshold(scores: Sequence[CallScore], restraint: float) -> float:
    """Return the lowest threshold with at least this restraint, because lower thresholds have a higher recall.

    All thresholds between two neighbouring scores give the same calls. So the middle between the two scores is chosen,
    and rounded to as few digits as possible.

    Args:
        scores: The scores of both kinds of cases.
        restraint: The demanded restraint, in [0, 1].
    """
    points = curve_points(scores, len(scores) + 1)
    at = next(place for place, point in enumerate(points) if point.restraint >= restraint)
    low = points[at].threshold
    high = points[at + 1].threshold if at + 1 < len(points) else math.nextafter(1.0, 2.0)
    return _between(low, high)


def _between(low: float, high: float) -> float:
    """Return a number from `low` on and below `high`, with few digits, near the middle and at most 1."""
    middle = (low + high) / 2
    rounded = (round(middle, digits) for digits in range(2, _MOST_DIGITS))
    return next((value for value in rounded if low <= value < high and value <= 1), low)
