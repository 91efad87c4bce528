"""The run line of a ledger: what a session was asked, and who answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.data.scenarios import Scenario
from toolmark.benchmark.runs.run import Run
from toolmark.benchmark.scoring.grades import SCORER_VERSION

__all__ = ["names_other_cases", "session_line"]


def session_line(run: Run, cases: Sequence[Case | Scenario]) -> Mapping[str, Any]:
    """Return the content of the run line of a session that answers these cases."""
    return {
        "candidate": run.candidate.name,
        "identity": run.identity,
        "environment": run.environment,
        "scorer": SCORER_VERSION,
        **({} if run.training is None else {"training": run.training}),
        "cases": {case.id: case.gold_hash for case in cases},
        **({"too_long": sorted(run.too_long)} if run.too_long else {}),
    }


def names_other_cases(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether two run lines name different cases, or leave out different cases."""
    return any(one.get(name) != other.get(name) for name in ("cases", "too_long"))
