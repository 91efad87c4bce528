"""The cases behind the figures, as data for the page's own script.

A file is meant to be sent around: its cases are kept to a budget. Cases in which something flipped come first, broken
ones before fixed ones, so that what is left out is what nobody changed; how many are left out is said. A site keeps the
others in script files beside the page, since a page opened from disk may load a script but not fetch data.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from toolmark.benchmark.scoring.causes import Cause
from toolmark.benchmark.verdicts.comparison import Comparison
from toolmark.benchmark.verdicts.flips import FATES, Flips
from toolmark.benchmark.verdicts.shown_cases import Answer, CallShown, CaseShown
from toolmark.reports.text import script_json

__all__ = ["BUDGET", "Chosen", "chosen_cases", "explorer", "pages"]

BUDGET = 2_600_000
"""Bytes of cases in one file; with Plotly's 4.8 MB that stays under 8 MB."""

_CODES = {"broken": "b", "fixed": "f", "both wrong": "w", "both right": "r", "wrong": "x", "right": "o"}

Chosen = tuple[Sequence[str], Sequence[CaseShown]]
"""Cases as JSON for a script element, and those that did not fit."""


def _call(call: CallShown) -> dict[str, Any]:
    return {
        "name": call.name,
        "arguments": [
            {"name": one.name, "value": one.value, "fault": one.fault, "rule": one.rule} for one in call.arguments
        ],
        "fault": call.fault,
        "missing": call.missing,
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
    }


def _case(case: CaseShown, flips: Sequence[Flips]) -> dict[str, Any]:
    # By hand: dataclasses.asdict copies every string's container, and takes four times as long.
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
        "fates": "".join(_CODES[flip.fates[case.id]] if case.id in flip.fates else "-" for flip in flips),
    }


def _interest(case: CaseShown, flips: Sequence[Flips]) -> int:
    """The place of the case's most interesting fate under any measure."""
    return min((FATES.index(flip.fates[case.id]) for flip in flips if case.id in flip.fates), default=len(FATES))


def _flips(comparison: Comparison) -> list[Flips]:
    """Of every contestant under every measure, contestants first: the order of a case's fates."""
    if comparison.report is None:
        return []
    details = comparison.report.details
    return [found for one in comparison.contestants for found in details[one.name].flips.values()]


def chosen_cases(comparison: Comparison, budget: int = BUDGET) -> Chosen:
    """As many cases as fit the budget, the most interesting first; all where there is room."""
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
    """The cases that did not fit, as scripts of about `size` bytes each."""
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
    """What the explorer needs beside the cases: candidates, measures, and the counts over all of them.

    Args:
        comparison: The comparison; without report data there is nothing to explore.
        beside: Script files that hold the cases which are not in the page.
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
