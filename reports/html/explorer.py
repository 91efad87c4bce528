"""Prepares the cases for the page, as data for the script of the page.

The cases in a page have a size limit, so that the page can be sent by mail. Cases that changed come first. Cases that
the candidate broke come before cases that the candidate fixed. The page shows how many cases are left out.

In a site, script files in the folder of the page contain the other cases. Scripts are used, because a page can be
opened from disk. A browser then lets the page load scripts, but not fetch data.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from toolmark.benchmark.scoring.causes import Cause
from toolmark.benchmark.verdicts.comparison import Comparison
from toolmark.benchmark.verdicts.flips import FATES, Flips
from toolmark.benchmark.verdicts.report_data import Answer, CallShown, CaseShown, PlayedShown
from toolmark.reports.text import script_json

__all__ = ["BUDGET", "Chosen", "chosen_cases", "explorer", "pages"]

BUDGET = 2_600_000
"""Largest number of bytes of cases in one file. Plotly's script adds 4.8 MB. A page stays below 8 MB."""

_CODES = {"broken": "b", "fixed": "f", "both wrong": "w", "both right": "r", "wrong": "x", "right": "o"}

Chosen = tuple[Sequence[str], Sequence[CaseShown]]
"""A pair of two sequences: the cases in the page, each as JSON for a script element; and the cases that do not fit."""


def _call(call: CallShown) -> dict[str, Any]:
    return {
        "name": call.name,
        "arguments": [
            {"name": one.name, "value": one.value, "fault": one.fault, "rule": one.rule} for one in call.arguments
        ],
        "fault": call.fault,
        "missing": call.missing,
        "result": call.result,
        "failed": call.failed,
        **_if_any(more_arguments=call.more_arguments, digest=call.digest),
    }


def _if_any(**fields: int | str) -> dict[str, Any]:
    """Return the fields that are neither 0 nor empty. Most are, and then more cases fit into a page."""
    return {name: value for name, value in fields.items() if value}


def _played(turn: PlayedShown) -> dict[str, Any]:
    return {
        "calls": list(map(_call, turn.calls)),
        "said": turn.said,
        "changes": [{"path": one.path, "before": one.before, "after": one.after} for one in turn.changes],
        "unmet": turn.unmet,
        **_if_any(more_calls=turn.more_calls, rest=turn.rest, more_changes=turn.more_changes),
    }


def _answer(answer: Answer | None) -> dict[str, Any] | None:
    if answer is None:
        return None
    return {
        "right": answer.right,
        "cause": answer.cause,
        "detail": answer.detail,
        "calls": list(map(_call, answer.calls)),
        "said": answer.said,
        "text": answer.text,
        "played": list(map(_played, answer.played)),
    }


def _case(case: CaseShown, flips: Sequence[Flips]) -> dict[str, Any]:
    # dataclasses.asdict copies every container and takes four times as long.
    return {
        "id": case.id,
        "source": case.source,
        "turns": [{"role": turn.role, "text": turn.text} for turn in case.turns],
        "offered": case.offered,
        "action": case.action,
        "reason": case.reason,
        "expected": list(map(_call, case.expected)),
        "others": case.others,
        "tool": case.tool,
        "tags": dict(case.tags),
        "waived": case.waived,
        "answers": list(map(_answer, case.answers)),
        "gold": list(map(_played, case.gold)),
        **_if_any(more_expected=case.more_expected),
        "fates": "".join(_CODES[flip.fates[case.id]] if case.id in flip.fates else "-" for flip in flips),
    }


def _interest(case: CaseShown, flips: Sequence[Flips]) -> int:
    """Return the most interesting change of the case, over all contestants and measures, as a position in `FATES`.

    Position 0 is the most interesting change.
    """
    return min((FATES.index(flip.fates[case.id]) for flip in flips if case.id in flip.fates), default=len(FATES))


def _flips(comparison: Comparison) -> list[Flips]:
    """Return the flips of all contestants and measures, as one list.

    The string `fates` of a case has one letter for each element of this list, in the same order.
    """
    if comparison.report is None:
        return []
    details = comparison.report.details
    return [flip for one in comparison.contestants for flip in details[one.name].flips.values()]


def chosen_cases(comparison: Comparison, budget: int = BUDGET) -> Chosen:
    """Return as many cases as fit into the budget, and the other cases. The most interesting cases come first.

    Args:
        comparison: The comparison.
        budget: Largest number of bytes of cases.
    """
    if comparison.report is None:
        return (), ()
    flips = _flips(comparison)
    ordered = sorted(comparison.report.cases, key=lambda case: _interest(case, flips))
    kept: list[str] = []
    used = 0
    for index, case in enumerate(ordered):
        text = script_json(_case(case, flips))
        used += len(text) + 1
        if used > budget:
            return kept, ordered[index:]
        kept.append(text)
    return kept, ()


def pages(comparison: Comparison, rest: Sequence[CaseShown], size: int = BUDGET) -> Iterator[str]:
    """Yield scripts with the cases that do not fit into the page.

    Args:
        comparison: The comparison.
        rest: The cases that did not fit into the page.
        size: Approximate number of bytes of each script.
    """
    part: list[str] = []
    used = 0
    flips = _flips(comparison)
    for case in rest:
        text = script_json(_case(case, flips))
        if part and used + len(text) > size:
            yield f"toolmarkCases([{','.join(part)}]);\n"
            part, used = [], 0
        part.append(text)
        used += len(text) + 1
    if part:
        yield f"toolmarkCases([{','.join(part)}]);\n"


def explorer(comparison: Comparison, beside: Sequence[str] = ()) -> dict[str, Any] | None:
    """Return the data that the script of the page needs: candidates, measures, causes, and counts over all cases.

    The cases are not part of this data.

    Args:
        comparison: The comparison.
        beside: Names of the script files for the cases that are not in the page.

    Returns:
        None if the comparison has no report data.
    """
    if comparison.report is None:
        return None
    return {
        "columns": [
            {"name": one.name, "baseline": None if one.baseline is None else comparison.position(one.baseline)}
            for one in comparison.contestants
        ],
        "causes": {cause: cause.label for cause in Cause},
        "flips": [
            {
                "column": comparison.position(contestant.name),
                "measure": flip.measure,
                "meaning": flip.meaning,
                "counts": {_CODES[fate]: count for fate, count in flip.counts.items()},
            }
            for contestant in comparison.contestants
            for flip in comparison.report.details[contestant.name].flips.values()
        ],
        "fates": {code: fate for fate, code in _CODES.items()},
        "total": len(comparison.report.cases),
        "beside": list(beside),
    }
