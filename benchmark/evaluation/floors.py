"""Returns the floors of a contestant. A floor is the lowest permitted score on a metric."""

from __future__ import annotations

from collections.abc import Sequence

from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.evaluation.contestant import Contestant
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.policies.chance import selection_by_chance
from toolmark.benchmark.scoring.metrics import BALANCED

__all__ = ["floors"]


def _defaults(cases: Sequence[Case]) -> dict[str, float]:
    """Return the default floors: the scores that random answers reach."""
    return {BALANCED.id: 0.5, "selection.tool": selection_by_chance(cases)}


def floors(request: Request, contestant: Contestant, cases: Sequence[Case]) -> dict[str, float]:
    """Return the floors of a contestant by metric.

    The floors of `--floor` apply to every contestant. The default floors apply only to contestants with a baseline. So
    a low score of a single model does not fail a check by default.

    Args:
        request: The request, with the floors of `--floor`.
        contestant: The contestant that is checked.
        cases: The cases that were judged.
    """
    return (_defaults(cases) if contestant.baseline is not None else {}) | dict(request.floors)
