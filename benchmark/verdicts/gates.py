"""From figures to `passed`, `failed` or `inconclusive`.

A score is not an assertion. A check fails only where the interval says that the floor is missed; where the interval
contains the floor, the cases cannot tell, and that is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from benchmark.verdicts.comparison import Figure

__all__ = ["Gate", "check_floor"]


@dataclass(frozen=True, slots=True)
class Gate:
    """The state of one check, and why."""

    state: Literal["passed", "failed", "inconclusive"]
    reason: str = ""


def check_floor(metric: str, figure: Figure, floor: float) -> Gate:
    """Hold a score against a floor, both in the metric's unit.

    failed: the interval's upper end is below the floor, or no case counts in the metric. inconclusive: the interval
    contains it. passed: the lower end is at or above it.
    """
    if figure.score is None or figure.interval is None:
        return Gate("failed", f"{metric}: no case counts in it, so the floor {floor:g} cannot be held")
    low, high = figure.interval.low, figure.interval.high
    seen = f"{metric} = {figure.score:.3f} [{low:.3f}, {high:.3f}], n = {figure.n}"
    if high < floor:
        return Gate("failed", f"{seen}: below the floor {floor:g}")
    if low >= floor:
        return Gate("passed", seen)
    return Gate("inconclusive", f"{seen}: the interval contains the floor {floor:g}")
