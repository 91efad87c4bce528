"""Computes the additional data of a report on conversations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from toolmark.benchmark.data.scenarios import Scenario
from toolmark.benchmark.evaluation.shown_conversations import PlayedTurns, show_conversations
from toolmark.benchmark.scoring.turn_demands import PlayedTurn
from toolmark.benchmark.verdicts.breakdowns import Confusion, usage
from toolmark.benchmark.verdicts.comparison import Side
from toolmark.benchmark.verdicts.flips import flips
from toolmark.benchmark.verdicts.ranking import ranking
from toolmark.benchmark.verdicts.report_data import ContestantDetails, Provenance, ReportData

__all__ = ["gather_conversations"]


def gather_conversations(
    scenarios: Sequence[Scenario],
    sides: Sequence[Side],
    played: Sequence[PlayedTurns],
    gold: Mapping[str, Sequence[PlayedTurn]],
    provenance: Provenance | None = None,
) -> ReportData:
    """Return the additional data of a report on conversations. The tables of confused tools and of policies are empty.

    Args:
        scenarios: The scenarios that were judged.
        sides: One side for each contestant, in the order in which contestants are shown.
        played: For each contestant, the turns of its conversations.
        gold: The turns of the gold, by the id of the scenario.
        provenance: How and when the comparison was made. None if this is unknown.
    """
    by_name = {side.name: side for side in sides}
    details = {
        side.name: ContestantDetails(
            flips=flips(side.grades, None if side.baseline is None else by_name[side.baseline].grades),
            confusion=Confusion((), (), ()),
            offered={},
            seen=(),
            usage=usage(side.grades, side.completions),
        )
        for side in sides
    }
    return ReportData(
        cases=show_conversations(scenarios, sides, played, gold),
        details=details,
        ranks=ranking({side.name: side.grades for side in sides}),
        policies=(),
        provenance=provenance,
    )
