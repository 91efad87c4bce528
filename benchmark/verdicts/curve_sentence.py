"""Says in words how a timing curve differs from the curve of the baseline.

The area decides whether a curve is better. The words also say where: a curve can be better in one part only. A part of
the curve counts if the recalls at equal restraint differ by more than the margin, and also by more than 1/√n. Here n is
the number of cases of the rarer kind. 1/√n is about twice the standard error of a share. So if two curves cross only by
chance, this rarely counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from toolmark.benchmark.scoring.call_scores import CallScore
from toolmark.benchmark.verdicts.timing_curve import CurvePoint, curve_points
from toolmark.benchmark.verdicts.verdict import Difference

__all__ = ["curve_sentence"]

_GRID = tuple(step / 20 for step in range(1, 20))
"""The values of restraint at which two curves are compared."""


def curve_sentence(
    base: Sequence[CallScore],
    candidate: Sequence[CallScore],
    area: Difference,
    recall: Difference,
    restraint: Difference,
    margin: float,
) -> str:
    """Return the sentence, without a full stop.

    Args:
        base: The scores of the base.
        candidate: The scores of the candidate for the same cases.
        area: The difference of the area under the curve.
        recall: The difference of recall.
        restraint: The difference of restraint.
        margin: Differences between -margin and +margin count as equivalent.
    """
    rarer = min(sum(one.right == kind for one in base) for kind in (True, False))
    least = margin + 1 / math.sqrt(rarer) if rarer else math.inf
    higher, lower = _parts(curve_points(base, len(base) + 1), curve_points(candidate, len(candidate) + 1), least)
    match area.verdict:
        case "improved" if not lower:
            return "better at any threshold"
        case "regressed" if not higher:
            return "worse at any threshold"
        case "improved" | "regressed":
            return _crossing(higher, lower)
        case "equivalent" if higher and lower:
            return _crossing(higher, lower)
        case "equivalent":
            return _moved(recall, restraint)
    return f"there are too few cases to compare the two curves{_perhaps(recall, restraint)}"


def _recall_at(points: Sequence[CurvePoint], restraint: float) -> float:
    """Return the highest recall with at least this restraint, linear between two points."""
    xs = [1.0 - point.restraint for point in points]
    ys = [point.recall for point in points]
    return float(np.interp(1.0 - restraint, [*reversed(xs), 1.0], [*reversed(ys), 1.0]))


def _parts(
    base: Sequence[CurvePoint], candidate: Sequence[CurvePoint], least: float
) -> tuple[list[float], list[float]]:
    """Return the values of restraint at which the candidate has a clearly higher recall, and a clearly lower recall."""
    gains = {at: _recall_at(candidate, at) - _recall_at(base, at) for at in _GRID}
    return [at for at, gain in gains.items() if gain > least], [at for at, gain in gains.items() if gain < -least]


def _crossing(higher: Sequence[float], lower: Sequence[float]) -> str:
    better = f"better only where restraint is {_range(higher)}" if higher else "better in no single part"
    return f"{better}, and worse where restraint is {_range(lower)}" if lower else better


def _range(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"about {low:.0%}" if low == high else f"{low:.0%} to {high:.0%}"


def _direction(recall: Difference, restraint: Difference) -> str:
    """Return `more` if the candidate calls clearly more than the base, `less` if clearly less, and otherwise nothing.

    A point that moves along a curve has a gain in one of recall and restraint, and a loss in the other.
    """
    clear = any(one.verdict in ("improved", "regressed") for one in (recall, restraint))
    if not clear or recall.effect is None or restraint.effect is None:
        return ""
    if recall.effect >= 0 >= restraint.effect:
        return "more"
    return "less" if recall.effect <= 0 <= restraint.effect else ""


def _moved(recall: Difference, restraint: Difference) -> str:
    direction = _direction(recall, restraint)
    return f"the same curve, another point: it only calls {direction}" if direction else "the same curve"


def _perhaps(recall: Difference, restraint: Difference) -> str:
    direction = _direction(recall, restraint)
    return f": perhaps it only calls {direction}" if direction else ""
