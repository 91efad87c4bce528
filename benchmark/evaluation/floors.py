"""Floors: the score that a contestant's metric must not be below."""

from __future__ import annotations

from collections.abc import Sequence

from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.evaluation.contestant import Contestant
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.policies.chance import selection_by_chance
from toolmark.benchmark.scoring.metrics import BALANCED

__all__ = ["floors"]


def _defaults(cases: Sequence[Case]) -> dict[str, float]:
    """What chance alone gives."""
    return {BALANCED.id: 0.5, "selection.tool": selection_by_chance(cases)}


def floors(request: Request, contestant: Contestant, cases: Sequence[Case]) -> dict[str, float]:
    """Floors of a contestant by metric: those of `--floor`, and the defaults where it has a baseline.

    A base, and a score without a baseline, has no default floor: a score alone never fails a check.

    Args:
        request: Whose `floors` always count.
        contestant: Whose metrics are checked.
        cases: Those that were judged.
    """
    return (_defaults(cases) if contestant.baseline is not None else {}) | dict(request.floors)
