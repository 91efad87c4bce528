"""Finds the steps of a comparison in which each candidate is compared with the candidate before.

In such a comparison, each step changes one thing, and the last candidate is the sum of all steps. For example, the
parts of a deployment are steps from the trained model to the server that users ask.
"""

from __future__ import annotations

from dataclasses import dataclass

from toolmark.benchmark.verdicts.comparison import Comparison, ContestantResult

__all__ = ["Steps", "steps"]

_FEWEST = 2


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of a comparison.

    Attributes:
        start: The candidate before the first step.
        steps: The candidates, each compared with the one before.
        whole: The candidate that is compared with `start`, and contains all steps.
    """

    start: ContestantResult
    steps: tuple[ContestantResult, ...]
    whole: ContestantResult


def steps(comparison: Comparison) -> Steps | None:
    """Return the steps of a comparison. None if its candidates are not steps."""
    if len(comparison.contestants) < _FEWEST + 2:
        return None
    start, *middle, whole = comparison.contestants
    before = [start, *middle[:-1]]
    in_order = all(one.baseline == earlier.name for one, earlier in zip(middle, before, strict=True))
    return Steps(start, tuple(middle), whole) if in_order and whole.baseline == start.name else None
