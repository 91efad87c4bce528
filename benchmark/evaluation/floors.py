"""Returns the floors of a contestant. A floor is the lowest permitted score on a metric."""

from __future__ import annotations

from collections.abc import Sequence

from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.data.scenarios import Scenario
from toolmark.benchmark.evaluation.contestant import Contestant
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.policies.chance import selection_by_chance
from toolmark.benchmark.scoring.metrics import BALANCED

__all__ = ["floors"]


def _defaults(cases: Sequence[Case]) -> dict[str, float]:
    """Return the default floors: the scores that random answers reach.

    A metric has no default floor if these cases cannot check the floor. Balanced timing needs cases with a call and
    cases without a call. If each case offers only one tool, a tool that is chosen by chance is always
    right, so `selection.tool` has no default floor.
    """
    actions = {case.expect.action for case in cases if case.waiver is None}
    chance = selection_by_chance(cases)
    found = {BALANCED.id: 0.5} if len(actions) == 2 else {}
    return found | ({"selection.tool": chance} if chance < 1 else {})


def floors(request: Request, contestant: Contestant, cases: Sequence[Case] | Sequence[Scenario]) -> dict[str, float]:
    """Return the floors of a contestant by metric.

    The floors of `--floor` apply to every contestant. The default floors apply only to contestants with a baseline. So
    a low score of a single model does not fail a check by default. A floor of 0 has no effect, because every score
    reaches 0.

    Args:
        request: The request, with the floors of `--floor`.
        contestant: The contestant that is checked.
        cases: The cases that were judged.
    """
    single = [case for case in cases if isinstance(case, Case)]
    every = (_defaults(single) if single and contestant.baseline is not None else {}) | dict(request.floors)
    return {metric: floor for metric, floor in every.items() if floor > 0}
