"""Prepares cases for a report: the conversation, the right answer, and the answer of each contestant.

Long texts from cases and models are cut, and long lists too. The fields `more…` say how much of a list is left out. If
an argument has a fault, the fault is shown with the argument.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from toolmark.benchmark.data.cases import CallOption, Case, Message
from toolmark.benchmark.data.completions import Completion, Completions
from toolmark.benchmark.data.match_rules import Accept
from toolmark.benchmark.scoring.causes import Cause
from toolmark.benchmark.scoring.grades import Grade, JudgedCall, legible
from toolmark.benchmark.scoring.judged import Judged
from toolmark.benchmark.verdicts.report_data import Answer, Argument, CallShown, CaseShown, Turn

__all__ = [
    "MOST_EXPECTED",
    "by_case",
    "show_cases",
    "shown_call",
    "shown_grade",
    "shown_json",
    "shown_tags",
    "shown_text",
]

J = TypeVar("J", bound=Judged)

LONGEST = 4_000
"""Highest number of characters of a text in a report. Longer texts are cut."""

_LONGEST_VALUE = 600
MOST_EXPECTED = 20
_MOST_ARGUMENTS = 60
_MOST_VALUES = 5


def shown_text(text: str) -> str:
    """Return a text for a report. A long text is cut."""
    cut = "" if len(text) <= LONGEST else f"\n… cut: {len(text):,} characters"
    return legible(text, LONGEST) + cut


def shown_json(value: Any) -> str:
    """Return a value as JSON for a report. A long text is cut."""
    try:
        return legible(json.dumps(value, ensure_ascii=False), _LONGEST_VALUE)
    except (ValueError, RecursionError):  # a number has too many digits for Python, or the value is nested too deeply
        return "(cannot be shown)"


def _rule(rule: Accept) -> str:
    """Return the other values that the rule accepts, in words. Empty if there are no other values."""
    match rule.match:
        case "exact":
            others = [shown_json(value) for value in rule.of[1:]]
            shown = others if len(others) <= _MOST_VALUES else [*others[:_MOST_VALUES], "…"]
            return f"or {', '.join(shown)}" if others else ""
        case "object" | "list":
            return ""
        case _:
            return rule.match.replace("_", " ")


def _expected(option: CallOption) -> tuple[CallShown, ...]:
    shown = []
    for spec in option.calls[:MOST_EXPECTED]:
        right = {name: rule.example() for name, rule in spec.arguments.items()}
        arguments = tuple(
            Argument(
                legible(name),
                shown_json(right[name]),
                rule=", ".join(filter(None, (_rule(rule), "optional" if name in spec.optional else ""))),
            )
            for name, rule in spec.arguments.items()
        )
        shown.append(CallShown(legible(spec.name), arguments))
    return tuple(shown)


def shown_call(judged: JudgedCall) -> CallShown:
    """Return a call for a report."""
    causes = {fault.where: fault.cause for fault in judged.faults}
    fault = ""
    if not judged.expected:
        fault = "not expected"
    elif Cause.WRONG_TOOL in causes.values():
        fault = Cause.WRONG_TOOL.label
    marks = {} if fault else {where: cause.label for where, cause in causes.items()}
    return CallShown(
        legible(judged.name),
        tuple(
            Argument(legible(name), shown_json(value), marks.get(name, ""))
            for name, value in list(judged.arguments.items())[:_MOST_ARGUMENTS]
        ),
        fault,
        tuple(legible(fault.where) for fault in judged.faults if fault.cause is Cause.MISSING_ARGUMENT),
        more_arguments=max(0, len(judged.arguments) - _MOST_ARGUMENTS),
    )


def _native(completion: Completion) -> str:
    calls = "".join(f"\n{legible(call.name)}({legible(call.arguments, LONGEST)})" for call in completion.tool_calls)
    return completion.text + calls


def _worst(grades: Sequence[J]) -> J | None:
    """Return the first wrong grade, or the first grade if no grade is wrong. None if there is no grade."""
    return next((grade for grade in grades if not grade.correct), grades[0] if grades else None)


def shown_grade(grades: Sequence[J], completions: Completions) -> tuple[J, Completion] | None:
    """Return the grade that a report shows for a case, with its completion. None if there is no completion."""
    shown = _worst(grades)
    completion = completions.get((shown.case_id, shown.epoch)) if shown else None
    return None if shown is None or completion is None else (shown, completion)


def _answer(grades: Sequence[Grade], completions: Completions) -> Answer | None:
    found = shown_grade(grades, completions)
    if found is None:
        return None
    shown, completion = found
    return Answer(
        right=sum(grade.correct for grade in grades) / len(grades),
        outcome=shown.outcome,
        cause=shown.cause,
        detail=shown.detail,
        calls=tuple(map(shown_call, shown.calls)),
        said=legible(shown.answer.strip()),
        text=shown_text(_native(completion)),
        stop_reason=completion.stop_reason,
    )


def _turn(turn: Message) -> Turn:
    calls = (f"{call.name}({shown_json(call.arguments)})" for call in turn.tool_calls)
    return Turn(turn.role, shown_text("\n".join([*filter(None, [turn.content]), *calls])))


def by_case(grades: Sequence[J]) -> Mapping[str, Sequence[J]]:
    """Return the grades of each case, by the id of the case."""
    found: dict[str, list[J]] = {}
    for grade in grades:
        found.setdefault(grade.case_id, []).append(grade)
    return found


def shown_tags(tags: Mapping[str, Any]) -> Mapping[str, str]:
    """Return tags as text."""
    return {
        legible(key): legible(value) if isinstance(value, str) else shown_json(value) for key, value in tags.items()
    }


def show_cases(cases: Sequence[Case], sides: Sequence[tuple[Sequence[Grade], Completions]]) -> tuple[CaseShown, ...]:
    """Return all cases that at least one contestant answered, in the order of `cases`.

    Args:
        cases: The cases that were judged.
        sides: Grades and completions of each contestant.
    """
    answered = [(by_case(grades), completions) for grades, completions in sides]
    shown = []
    for case in cases:
        graded = [(found.get(case.id, ()), completions) for found, completions in answered]
        answers = tuple(_answer(grades, completions) for grades, completions in graded)
        if any(answers):
            closest = [one.option for grades, _ in graded if (one := _worst(grades)) and one.option is not None]
            shown.append(_case(case, answers, closest[-1] if closest else 0))
    return tuple(shown)


def _case(case: Case, answers: tuple[Answer | None, ...], option: int) -> CaseShown:
    expect = case.expect
    options = expect.any_of if expect.action == "call" else ()
    names = {spec.name for one in options for spec in one.calls}
    return CaseShown(
        id=case.id,
        source=f"{legible(case.source.name)}: {legible(case.source.ref)}",
        turns=tuple(map(_turn, case.messages)),
        offered=tuple(map(legible, case.toolbox.names)),
        action=expect.action,
        reason=expect.reason if expect.action == "abstain" else None,
        expected=_expected(options[option]) if options else (),
        others=max(0, len(options) - 1),
        tool=legible(next(iter(names))) if len(names) == 1 else None,
        tags=shown_tags(case.tags),
        waived=None if case.waiver is None else shown_text(case.waiver),
        answers=answers,
        more_expected=max(0, len(options[option].calls) - MOST_EXPECTED) if options else 0,
    )
