"""Formats figures as the cells of tables, in the same way for every renderer."""

from __future__ import annotations

import math
from typing import NamedTuple

from toolmark.benchmark.verdicts.comparison import Figure
from toolmark.benchmark.verdicts.intervals import Interval
from toolmark.benchmark.verdicts.recipe_verdicts import RecipeDifference
from toolmark.benchmark.verdicts.verdict import Difference

__all__ = ["NOTHING", "Cells", "DifferenceCells", "RecipeCells", "cells", "difference_cells", "recipe_cells"]

NOTHING = "n/a"
"""The text of a cell if the metric has no case, or if a recording lacks the value."""


class Cells(NamedTuple):
    """The table cells of a score: number of cases, score, and 95% interval."""

    n: str
    score: str
    interval: str


class DifferenceCells(NamedTuple):
    """The table cells of a paired difference.

    Attributes:
        n: Number of cases.
        effect: Difference in percentage points.
        interval: 95% interval of the difference, in percentage points.
        flips: Number of won cases and number of lost cases. Example: "+12 −3".
        p: p-value, adjusted by Holm.
        verdict: The verdict.
    """

    n: str
    effect: str
    interval: str
    flips: str
    p: str
    verdict: str


class RecipeCells(NamedTuple):
    """The table cells of a recipe's difference from the base, over several trainings.

    Attributes:
        n: Number of cases.
        effect: Mean difference in percentage points.
        interval: 95% interval for another training and other cases, in percentage points.
        between: Standard deviation between the trainings, in percentage points.
        p: p-value, adjusted by Holm.
        verdict: The verdict about the recipe.
    """

    n: str
    effect: str
    interval: str
    between: str
    p: str
    verdict: str


def _interval(interval: Interval, scale: float, sign: str = "") -> str:
    if not (math.isfinite(interval.low) and math.isfinite(interval.high)):
        return "not known"
    return f"[{interval.low * scale:{sign}.1f}, {interval.high * scale:{sign}.1f}]"


def cells(figure: Figure, unit: str = "share") -> Cells:
    """Return the cells of a score. If there is no score, the cell of the score is `n/a`.

    Args:
        figure: The score.
        unit: Unit of the metric. A `share` is shown as a percentage.
    """
    if figure.score is None or figure.interval is None:
        return Cells("0", NOTHING, NOTHING)
    scale = 100 if unit == "share" else 1
    return Cells(str(figure.n), f"{figure.score * scale:.1f}", _interval(figure.interval, scale))


def difference_cells(difference: Difference) -> DifferenceCells:
    """Return the cells of a difference. An `inconclusive` verdict is shown with the minimum detectable effect."""
    if difference.effect is None or difference.interval is None or difference.adjusted is None:
        return DifferenceCells("0", NOTHING, NOTHING, NOTHING, NOTHING, f"{difference.verdict}: {difference.reason}")
    verdict: str = difference.verdict
    if verdict == "inconclusive":
        effect = "none" if difference.minimum_detectable is None else f"{difference.minimum_detectable * 100:.1f}"
        verdict = f"inconclusive ({difference.reason or f'detectable: {effect}'})"
    elif verdict in ("regressed", "improved") and difference.within_margin:
        verdict = f"{verdict}, within margin"
    return DifferenceCells(
        str(difference.n),
        f"{difference.effect * 100:+.1f}",
        _interval(difference.interval, 100, "+"),
        f"+{difference.wins} −{difference.losses}",
        _p(difference.adjusted),
        verdict,
    )


def _p(value: float) -> str:
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def recipe_cells(difference: RecipeDifference) -> RecipeCells:
    """Return the cells of a recipe's difference from the base."""
    return RecipeCells(
        str(difference.n),
        f"{difference.effect * 100:+.1f}",
        _interval(difference.interval, 100, "+"),
        f"{difference.between * 100:.1f}",
        _p(difference.adjusted),
        difference.verdict,
    )
