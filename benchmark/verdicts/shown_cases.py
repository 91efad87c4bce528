"""One case as a person reads it: what was asked, what would be right, and what each candidate gave.

Everything that others wrote is cut to a length that a page bears. Arguments carry their faults, so that a renderer
marks the differing one without judging anything.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolmark.benchmark.data.cases import Accept, Call, CallOption, Case, Message
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.scoring.grades import Cause, Grade, legible
from toolmark.benchmark.scoring.matching import Fault, Rerun, assigned, canonical_arguments, closest
from toolmark.benchmark.scoring.outcomes import Outcome

__all__ = ["Answer", "Argument", "CallShown", "CaseShown", "Turn", "show"]

LONGEST = 4_000
"""Characters of a text that are shown."""

_LONGEST_VALUE = 600
_MOST_CALLS = 20
_MOST_ARGUMENTS = 60

Answered = Mapping[tuple[str, int], Completion]


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument: its value as JSON, what is wrong with it, and for an expected one what else is accepted."""

    name: str
    value: str
    fault: str = ""
    rule: str = ""


@dataclass(frozen=True, slots=True)
class CallShown:
    """One call; `fault` concerns the tool, the faults of arguments stand beside them. `missing` names absent ones."""

    name: str
    arguments: tuple[Argument, ...]
    fault: str = ""
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of the conversation; the calls of an assistant as text."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What one candidate gave for a case; over several epochs the first that is wrong.

    Attributes:
        right: Share of the epochs in which everything is right.
        outcome: call, abstain or malformed.
        cause: Why it is wrong; None where it is right.
        detail: The cause in words.
        calls: As read leniently, with their faults.
        said: To the user, without calls and markers.
        text: The completion, native calls included.
        stop_reason: stop, length or unknown.
    """

    right: float
    outcome: Outcome
    cause: Cause | None
    detail: str
    calls: tuple[CallShown, ...]
    said: str
    text: str
    stop_reason: str


@dataclass(frozen=True, slots=True)
class CaseShown:
    """One case with its gold and its answers.

    Attributes:
        id: The case's.
        source: Collection and reference in it.
        turns: The conversation.
        offered: Names of the tools.
        action: call or abstain.
        reason: Why abstaining is right.
        expected: The calls of the answer that the last candidate came closest to, its first accepted values.
        others: How many other complete answers are right too.
        tool: The expected tool, where it is one.
        tags: The case's, as text.
        waived: Why the case counts in no metric.
        answers: One a column; None where a run lacks the case.
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


def _text(text: str) -> str:
    cut = "" if len(text) <= LONGEST else f"\n… cut: {len(text):,} characters"
    return legible(text, LONGEST) + cut


def _json(value: Any) -> str:
    try:
        return legible(json.dumps(value, ensure_ascii=False), _LONGEST_VALUE)
    except (ValueError, RecursionError):  # a number of more digits than Python writes, or nested too deeply
        return "(cannot be shown)"


def _rule(rule: Accept) -> str:
    """What else is accepted, in words."""
    match rule.match:
        case "exact":
            return f"or {', '.join(_json(value) for value in rule.of[1:6])}" if len(rule.of) > 1 else ""
        case "object" | "list":
            return ""
        case _:
            return rule.match.replace("_", " ")


def _expected(option: CallOption) -> tuple[CallShown, ...]:
    shown = []
    for spec in option.calls[:_MOST_CALLS]:
        right = canonical_arguments(spec)
        arguments = tuple(
            Argument(
                legible(name),
                _json(right[name]),
                rule=", ".join(filter(None, (_rule(rule), "optional" if name in spec.optional else ""))),
            )
            for name, rule in spec.arguments.items()
        )
        shown.append(CallShown(legible(spec.name), arguments))
    return tuple(shown)


def _said(call: Call, found: Sequence[Fault]) -> CallShown:
    by_name = {fault.where: fault.kind.replace("_", " ") for fault in found}
    wrong_tool = any(fault.kind == "wrong_tool" for fault in found)
    arguments = tuple(
        Argument(legible(name), _json(value), "" if wrong_tool else by_name.get(name, ""))
        for name, value in list(call.arguments.items())[:_MOST_ARGUMENTS]
    )
    missing = tuple(legible(fault.where) for fault in found if fault.kind == "missing_argument")
    return CallShown(legible(call.name), arguments, "wrong tool" if wrong_tool else "", missing)


def _calls(
    calls: Sequence[Call], case: Case, right: bool, rerun: Rerun | None
) -> tuple[CallOption | None, tuple[CallShown, ...]]:
    """The option that the calls come closest to, and the calls with their faults."""
    if case.expect.action == "abstain":
        return None, tuple(_said(call, ()) for call in calls[:_MOST_CALLS])
    if not calls:
        return None, ()
    options = case.expect.any_of
    option = options[0] if len(options) == 1 else closest(calls, options, case.toolbox, rerun)[0]
    pairs = {} if right else {call: found for call, _, found in assigned(calls, option, case.toolbox, rerun)}
    shown = []
    for index, call in enumerate(calls[:_MOST_CALLS]):
        marked = _said(call, pairs.get(index, ()))
        shown.append(marked if right or index in pairs else CallShown(marked.name, marked.arguments, "not expected"))
    return option, tuple(shown)


def _native(completion: Completion) -> str:
    calls = "".join(f"\n{legible(call.name)}({legible(call.arguments, LONGEST)})" for call in completion.tool_calls)
    return completion.text + calls


def _answer(
    case: Case, rows: Sequence[Grade], answered: Answered, dialect: Dialect, rerun: Rerun | None
) -> tuple[CallOption | None, Answer | None]:
    worst = next((row for row in rows if not row.correct), rows[0] if rows else None)
    completion = answered.get((case.id, worst.epoch)) if worst else None
    if worst is None or completion is None:
        return None, None
    reading = dialect.parse(completion, strict=False)
    option, calls = _calls(reading.calls, case, worst.correct_leniently, rerun)
    right = sum(row.correct for row in rows) / len(rows)
    return option, Answer(
        right=right,
        outcome=worst.outcome,
        cause=worst.cause,
        detail=worst.detail,
        calls=calls,
        said=legible(reading.answer.strip()),
        text=_text(_native(completion)),
        stop_reason=completion.stop_reason,
    )


def _turn(turn: Message) -> Turn:
    calls = (f"{call.name}({_json(call.arguments)})" for call in turn.tool_calls)
    return Turn(turn.role, _text("\n".join([*filter(None, [turn.content]), *calls])))


def show(
    cases: Sequence[Case],
    grades: Sequence[Sequence[Grade]],
    completions: Sequence[Answered],
    dialects: Sequence[Dialect],
    rerun: Callable[..., Any] | None = None,
) -> tuple[CaseShown, ...]:
    """All cases that a candidate answered, in their order.

    Args:
        cases: Those that were judged.
        grades: Of each candidate.
        completions: Of each candidate, by (case id, epoch).
        dialects: Of each candidate.
        rerun: Runs pure tools where a case accepts any argument with the same result, as the judge does.
    """
    by_case: list[dict[str, list[Grade]]] = []
    for rows in grades:
        found: dict[str, list[Grade]] = {}
        for row in rows:
            found.setdefault(row.case_id, []).append(row)
        by_case.append(found)
    shown = []
    for case in cases:
        said = [
            _answer(case, of.get(case.id, ()), answered, dialect, rerun)
            for of, answered, dialect in zip(by_case, completions, dialects, strict=True)
        ]
        if all(answer is None for _, answer in said):
            continue
        expect = case.expect
        options = expect.any_of if expect.action == "call" else ()
        chosen = next((option for option, _ in reversed(said) if option is not None), options[0] if options else None)
        names = {spec.name for option in options for spec in option.calls}
        shown.append(
            CaseShown(
                id=case.id,
                source=f"{legible(case.source.name)}: {legible(case.source.ref)}",
                turns=tuple(map(_turn, case.messages)),
                offered=tuple(map(legible, case.toolbox.names)),
                action=expect.action,
                reason=expect.reason if expect.action == "abstain" else None,
                expected=_expected(chosen) if chosen else (),
                others=max(0, len(options) - 1),
                tool=legible(next(iter(names))) if len(names) == 1 else None,
                tags={
                    legible(key): legible(value) if isinstance(value, str) else _json(value)
                    for key, value in case.tags.items()
                },
                waived=None if case.waiver is None else _text(case.waiver),
                answers=tuple(answer for _, answer in said),
            )
        )
    return tuple(shown)
