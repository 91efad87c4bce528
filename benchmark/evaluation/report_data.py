"""Computes the additional data of a report. Renderers compute nothing and only show data."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from toolmark.benchmark.core.command_line import flags
from toolmark.benchmark.core.secrets import command_without_secrets
from toolmark.benchmark.core.working_copies import address_of
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.data.scenarios import Scenario
from toolmark.benchmark.data.shipped_cases import named_case_set
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.evaluation.case_set import answered_set_hash
from toolmark.benchmark.evaluation.contestant import Contestant
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.evaluation.shown_cases import show_cases
from toolmark.benchmark.policies.scores import policy_scores
from toolmark.benchmark.scoring.grades import SCORER_VERSION, Grade
from toolmark.benchmark.verdicts.breakdowns import confusions, seen_tools, selection_by_offered, usage
from toolmark.benchmark.verdicts.comparison import Side
from toolmark.benchmark.verdicts.flips import flips
from toolmark.benchmark.verdicts.ranking import ranking
from toolmark.benchmark.verdicts.report_data import ContestantDetails, Provenance, ReportData

__all__ = ["gather", "provenance_of"]


def gather(
    cases: Sequence[Case], sides: Sequence[Side], dialect: Dialect, provenance: Provenance | None = None
) -> ReportData:
    """Return the additional data of a report.

    Args:
        cases: The cases that were judged.
        sides: One side for each contestant, in the order in which contestants are shown.
        dialect: The dialect in which the trivial policies answer.
        provenance: How and when the comparison was made. None if this is unknown.
    """
    judged = {grade.case_id for side in sides for grade in side.grades}
    answered = [case for case in cases if case.id in judged]
    grades = {side.name: [one for one in side.grades if isinstance(one, Grade)] for side in sides}
    rows = list(grades.values())
    details = {}
    for side, confusion, offered in zip(sides, confusions(rows), selection_by_offered(rows), strict=True):
        base = None if side.baseline is None else grades[side.baseline]
        details[side.name] = ContestantDetails(
            flips=flips(side.grades, base),
            confusion=confusion,
            offered=offered,
            seen=seen_tools(answered, side.training.tools if side.training else None, grades[side.name], base),
            usage=usage(side.grades, side.completions),
        )
    return ReportData(
        cases=show_cases(answered, [(grades[side.name], side.completions) for side in sides]),
        details=details,
        ranks=ranking({side.name: side.grades for side in sides}),
        policies=policy_scores(answered, dialect),
        provenance=provenance,
    )


_CASE_SETS = {
    "authored": "shipped with Toolmark",
    "scenarios": "scenarios that are shipped with Toolmark",
    "generated": "shipped with Toolmark, generated from templates like the shipped training data",
}
"""What a report says about each shipped case set, by the name of the set."""

_REPEATED = (
    "cases",
    "tools",
    "split",
    "limit",
    "seed",
    "margin",
    "execute",
    "trust_data_tools",
    "skip_too_long",
    "skip_bad",
)
"""Options of a request that `toolmark report` has too. It needs `--dialect` only for recorded answers."""


def provenance_of(
    request: Request, contestants: Sequence[Contestant], cases: Sequence[Case] | Sequence[Scenario]
) -> Provenance:
    """Return the provenance of a comparison, with the command that computes the comparison again from the runs.

    Args:
        request: The request.
        contestants: The contestants, with their runs.
        cases: The cases that were judged.
    """
    return Provenance(
        made=_now(),
        version=version("toolmark"),
        scorer=SCORER_VERSION,
        cases=_CASE_SETS[shipped] if (shipped := named_case_set(request.cases)) else request.cases,
        split=request.split,
        case_set=answered_set_hash(cases, contestants),
        command=command_without_secrets(_command(request, contestants)),
    )


def _command(request: Request, contestants: Sequence[Contestant]) -> str:
    """Return the command that makes the report again. `toolmark report` has one baseline, so each baseline has its own.

    There are two baselines if an adapter is compared with its base, and a deployed model with the adapter.
    """
    default = Request()
    recorded = any(one.candidate.kind == "replay" for one in contestants)
    repeated = (*_REPEATED, "dialect") if recorded else _REPEATED
    changed = {name: getattr(request, name) for name in repeated if getattr(request, name) != getattr(default, name)}
    baselines: list[Contestant | None] = list(dict.fromkeys(one.baseline for one in contestants if one.baseline))
    commands = []
    for number, baseline in enumerate(baselines or [None], start=1):
        compared = [_run(one) for one in contestants if one.baseline is baseline]
        against = [] if baseline is None else ["--baseline", _run(baseline)]
        out = "report.html" if number == 1 else f"report-{number}.html"
        commands.append(shlex.join(["toolmark", "report", *compared, *against, *flags(changed), "--out", out]))
    return " && ".join(commands)


def _run(contestant: Contestant) -> str:
    path = Path(contestant.candidate.base) if contestant.candidate.kind == "replay" else contestant.run.folder
    return address_of(path) or str(path)


def _now() -> str:
    """Return the current time. If the variable SOURCE_DATE_EPOCH is set, return the time in this variable.

    With a fixed time, a report that is written again has the same bytes.
    """
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    moment = datetime.fromtimestamp(int(given), UTC) if given.isdecimal() else datetime.now(UTC)
    return moment.isoformat(timespec="seconds")
