"""Prepares cases for a report: the conversation, the right answer, and the answer of each contestant.

Long texts from cases and models are cut, and long lists too. The fields `more…` say how much of a list is left out. If
an argument has a fault, the fault is shown with the argument.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from toolmark.benchmark.data.cases import CallOption, Case, Message
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.data.match_rules import Accept
from toolmark.benchmark.scoring.causes import Cause
from toolmark.benchmark.scoring.grades import Grade, JudgedCall, legible
from toolmark.benchmark.scoring.judged import Judged
from toolmark.benchmark.scoring.outcomes import Outcome

__all__ = [
    "MOST_EXPECTED",
    "Answer",
    "Argument",
    "CallShown",
    "CaseShown",
    "ChangeShown",
    "Completions",
    "PlayedShown",
    "Turn",
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

Completions = Mapping[tuple[str, int], Completion]
"""Completions by case id and epoch."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a call.

    Attributes:
        name: Name of the argument.
        value: Value as JSON.
        fault: Label of the cause of failure. Empty if the argument is right.
        rule: The other values that are accepted, in words. Empty if there are none, or if the call is not an expected
            call.
    """

    name: str
    value: str
    fault: str = ""
    rule: str = ""


@dataclass(frozen=True, slots=True)
class CallShown:
    """One call.

    Attributes:
        name: Name of the tool.
        arguments: Arguments with their faults.
        fault: Why it is wrong to call this tool. Empty if the tool is right.
        missing: Names of the arguments that are missing.
        result: What the call gave. None if the call was not made.
        failed: Whether the result is an error.
        more_arguments: Number of further arguments, which are left out.
        digest: In a scenario, the hash of the whole call. It tells calls apart that differ only in parts that are cut.
    """

    name: str
    arguments: tuple[Argument, ...]
    fault: str = ""
    missing: tuple[str, ...] = ()
    result: str | None = None
    failed: bool = False
    more_arguments: int = 0
    digest: str = ""


@dataclass(frozen=True, slots=True)
class ChangeShown:
    """A value in the state of a world that a turn changed.

    Attributes:
        path: The path of the value.
        before: The value before the turn, as JSON. None if there was none.
        after: The value after the turn, as JSON. None if there is none.
    """

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class PlayedShown:
    """What was done in one turn of a scenario.

    Attributes:
        calls: The calls in order, with their results.
        said: The answer to the user. If a limit or an error ended the turn, the reason in brackets.
        changes: What the turn changed in the state.
        unmet: The demands that are not met, in words. Empty for the gold.
        more_calls: Number of further calls, which are left out.
        rest: The hash of these further calls. Empty if there are none.
        more_changes: Number of further changes, which are left out.
    """

    calls: tuple[CallShown, ...]
    said: str
    changes: tuple[ChangeShown, ...]
    unmet: tuple[str, ...] = ()
    more_calls: int = 0
    rest: str = ""
    more_changes: int = 0


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of the conversation.

    Attributes:
        role: Role of the turn.
        text: Text of the turn, followed by its calls as text.
    """

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of one contestant to a case.

    If there are several epochs, this is the first wrong answer, or the first answer if all answers are right.

    Attributes:
        right: Share of the epochs in which the whole answer is right.
        outcome: Outcome of the answer: call, abstain or malformed.
        cause: Cause of failure. None if the answer is right.
        detail: The cause in words, with the values of this answer.
        calls: The calls that were read from the answer, with their faults. Malformed calls are included if they can be
            read.
        said: The part of the answer for the user, without calls and markers. Empty in a scenario, because `played` has
            the answer of each turn.
        text: The whole completion. Native calls are written as text.
        stop_reason: Reason why the completion ended: stop, length or unknown.
        played: In a scenario, what was done in each turn that was played. Otherwise empty.
    """

    right: float
    outcome: Outcome
    cause: Cause | None
    detail: str
    calls: tuple[CallShown, ...]
    said: str
    text: str
    stop_reason: str
    played: tuple[PlayedShown, ...] = ()


@dataclass(frozen=True, slots=True)
class CaseShown:
    """One case with the right answer and the answers of the contestants.

    Attributes:
        id: Id of the case.
        source: Name of the collection from which the case comes, and the reference of the case in this collection.
        turns: Turns of the conversation.
        offered: Names of the offered tools.
        action: The right action: call or abstain.
        reason: Why abstaining is right. None if a call is right.
        expected: Calls of the right answer, with the first accepted value of each argument. If there are several right
            answers, this is the right answer that is closest to the calls of the last contestant.
        others: Number of right answers in addition to `expected`.
        tool: The expected tool. None if no tool or several tools are expected.
        tags: Tags of the case, as text.
        waived: Why no metric includes the case. None if the case is not waived.
        answers: For each contestant, its answer. None if the run of the contestant has no answer to the case.
        gold: In a scenario, what the gold does in each turn. Otherwise empty.
        more_expected: Number of further calls of the right answer, which are left out.
    """

    id: str
    source: str
    turns: tuple[Turn, ...]
    offered: tuple[str, ...]
    action: str
    reason: str | None
    expected: tuple[CallShown, ...]
    others: int
    tool: str | None
    tags: Mapping[str, str]
    waived: str | None
    answers: tuple[Answer | None, ...]
    gold: tuple[PlayedShown, ...] = ()
    more_expected: int = 0


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
