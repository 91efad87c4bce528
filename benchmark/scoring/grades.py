"""Everything judged about one completion of one case: one row of the frame.

A grade is made from the case, the completion and the dialect alone. It holds no metric: `metrics.py` reads grades.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, Self

from toolmark.benchmark.data.cases import Abstain, Call, Case, Tool
from toolmark.benchmark.data.completions import Completion, ParsedCompletion
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.scoring.answers import uses_result
from toolmark.benchmark.scoring.causes import Cause
from toolmark.benchmark.scoring.execution import Executor
from toolmark.benchmark.scoring.matching import Fault, Match, Spelling, closest, offered_tool, same_names
from toolmark.benchmark.scoring.outcomes import Outcome, outcome_of
from toolmark.benchmark.tools.schemas import problems, validator_of

__all__ = ["SCORER_VERSION", "Grade", "JudgedCall", "grade", "legible"]

SCORER_VERSION = "2"
"""Changes whenever the same completion could be graded differently; recorded beside the hashes of the gold."""

_MAX_TEXT = 300

_MOST_CALLS = 20
"""Calls of one completion that a grade keeps for reports."""


@dataclass(frozen=True, slots=True)
class JudgedCall:
    """One call as it was read leniently, with what is wrong with it.

    Attributes:
        name: Of the tool, as written.
        arguments: As written.
        faults: What keeps it from being the expected call that it stands for.
        expected: Whether it stands for an expected call at all; a call of an abstain case is not judged so.
    """

    name: str
    arguments: Mapping[str, Any]
    faults: tuple[Fault, ...] = ()
    expected: bool = True


@dataclass(frozen=True, slots=True)
class Grade:
    """One judged completion.

    Attributes:
        case_id: The case's id.
        epoch: 1, or the repetition under a temperature.
        cluster: The case's paraphrase family; the unit of statistics.
        expected: The right action.
        reason: Why abstaining is right; None for call cases.
        outcome: What the completion amounts to.
        cause: The one cause of failure; None where everything is right.
        detail: The cause in words, with the value.
        selected: The multiset of called tool names is right (lenient reading).
        schema_valid: Strict reading, at least one call, every one of an offered tool and valid by its schema.
        correct: Strict reading, everything right: the calls with their arguments, and they run; or the abstention.
        correct_leniently: The same of the lenient reading.
        executed: Whether every call ran without an error; None where none may run.
        stopped: The completion ended by itself; None for a recording that does not say.
        uses_result: The answer uses the tool result that is in the conversation; None where there is none.
        answer_length: Characters of the text for the user.
        called: Names called, in order (lenient reading), very long ones cut.
        offered: Number of tools offered.
        tool: The expected tool, where one is.
        tags: The case's tags.
        waived: The case's waiver; a waived grade counts in no metric.
        arguments_known: Whether the case knows the right arguments; where not, `correct` cannot be told from right
            tool and valid arguments.
        calls: The first calls with their faults (lenient reading); not part of a log.
        option: Index of the right answer (`any_of`) that the calls come closest to; None without calls or for an
            abstain case; not part of a log.
        answer: Text for the user, without calls and markers; not part of a log.
    """

    case_id: str
    epoch: int
    cluster: str
    expected: Literal["call", "abstain"]
    reason: str | None
    outcome: Outcome
    cause: Cause | None
    detail: str
    selected: bool
    schema_valid: bool
    correct: bool
    correct_leniently: bool
    executed: bool | None
    stopped: bool | None
    uses_result: bool | None
    answer_length: int
    called: tuple[str, ...]
    offered: int
    tool: str | None
    tags: dict[str, Any]
    waived: str | None
    arguments_known: bool = True
    calls: tuple[JudgedCall, ...] = ()
    option: int | None = None
    answer: str = ""

    def as_json(self) -> dict[str, Any]:
        """The fields that a log keeps, as JSON values."""
        return {name: getattr(self, name) for name in _LOGGED}

    def as_recorded(self, logged: Mapping[str, Any]) -> Self:
        """This grade with the fields that a log holds of the same completion, as a former judge graded it.

        Raises:
            KeyError, TypeError: The log has other fields.
        """
        cause = logged["cause"]
        changed = {**logged, "called": tuple(logged["called"]), "cause": None if cause is None else Cause.of(cause)}
        return replace(self, **changed)


_LOGGED = tuple(field.name for field in fields(Grade) if field.name not in ("calls", "option", "answer"))


def legible(text: str, most: int = _MAX_TEXT) -> str:
    """`text` cut to a length that a log bears, with lone surrogates, which no log can encode, as escapes."""
    short = text if len(text) <= most else text[: most - 1] + "…"
    return short if short.isascii() else short.encode("utf-8", "backslashreplace").decode()


def _reached(call: Call, case: Case) -> Tool | None:
    """The offered tool that `call` reaches, by the spelling of names that the case allows."""
    names: Spelling = "exact" if isinstance(case.expect, Abstain) else case.expect.names
    return offered_tool(call.name, case.toolbox, names)


def _schema_problem(calls: Sequence[Call], case: Case) -> str | None:
    """Why not every call is valid, or None; no call at all is not valid either."""
    if not calls:
        return "no call"
    for call in calls:
        tool = _reached(call, case)
        if tool is None:
            return f"{call.name} is not offered"
        found = problems(call.arguments, validator_of(tool))
        if found:
            return f"{call.name}{found[0].path}: {found[0].message}"
    return None


def _run(calls: Sequence[Call], case: Case, executor: Executor | None) -> tuple[bool | None, str]:
    """Whether all calls that may run do; None where none may. Ends at the first that fails: each may take its time."""
    executed: bool | None = None
    for call in calls:
        tool = _reached(call, case)
        if executor is not None and tool is not None and executor.may_run(tool):
            result = executor.run(tool, call.arguments)
            if result.kind != "ok":
                return False, result.error or result.kind
            executed = True
    return executed, ""


def _failure(
    match: Match, calls: Sequence[Call], case: Case, executor: Executor | None, problem: str | None
) -> tuple[Cause | None, str, bool | None]:
    """Cause and detail of what is wrong with `calls`, whose schema problem is given, and whether they ran."""
    details: dict[Cause, str] = {}
    for fault in match.faults:
        details.setdefault(fault.cause, f"{fault.where}: {fault.detail}" if fault.detail else fault.where)
    executed: bool | None = None
    if problem is not None and Cause.UNKNOWN_TOOL not in details:
        details.setdefault(Cause.INVALID_ARGUMENT, problem)
    elif problem is None:
        executed, message = _run(calls, case, executor)
        if executed is False:
            details[Cause.EXECUTION_ERROR] = message
    cause = min(details, key=lambda one: one.rank, default=None)
    return cause, details[cause] if cause else "", executed


def _judged(calls: Sequence[Call], match: Match | None, right: bool) -> tuple[JudgedCall, ...]:
    """The first calls with their faults; nothing is wrong with calls that are `right`, or that no answer expects."""
    shown = list(enumerate(calls[:_MOST_CALLS]))
    if match is None or right:
        return tuple(JudgedCall(call.name, call.arguments) for _, call in shown)
    return tuple(
        JudgedCall(call.name, call.arguments, tuple(match.by_call.get(index, ())), index in match.by_call)
        for index, call in shown
    )


def grade(
    case: Case, completion: Completion, dialect: Dialect, executor: Executor | None = None, epoch: int = 1
) -> Grade:
    """Judge one completion. Without an executor nothing runs, and `same_result` falls back to equality."""
    strict: ParsedCompletion = dialect.parse(completion, strict=True)
    # Calls that are right strictly are read alike leniently, and nothing else of that reading counts then.
    clean = bool(strict.calls) and strict.error is None
    lenient: ParsedCompletion = strict if clean else dialect.parse(completion, strict=False)
    outcome = outcome_of(lenient, completion, case.toolbox.names)
    problem = _schema_problem(lenient.calls, case)
    cause: Cause | None = None
    detail = ""
    executed: bool | None = None
    match: Match | None = None
    selected = correct_leniently = False

    if isinstance(case.expect, Abstain):
        if outcome == "call":
            cause, detail = Cause.OVER_CALL, ", ".join(call.name for call in lenient.calls)
        correct_leniently = outcome == "abstain"
    elif outcome == "call":
        options = case.expect.any_of
        selected = any(same_names(lenient.calls, option) for option in options)
        match = closest(lenient.calls, options, case.toolbox, executor.value if executor is not None else None)
        cause, detail, executed = _failure(match, lenient.calls, case, executor, problem)
        correct_leniently = cause is None
        if correct_leniently and not clean:
            cause, detail = Cause.FORMAT, strict.error or "the strict reading differs"
    elif outcome == "abstain":
        cause, detail = Cause.NO_CALL, strict.answer[:200]
    if outcome == "malformed":
        if completion.stop_reason == "length":
            cause, detail = Cause.TRUNCATED, "cut before a call or an answer was whole"
        else:
            reason = "no call can be read" if completion.text.strip() else "empty"
            cause, detail = Cause.UNPARSEABLE, lenient.error or reason

    expect = case.expect
    return Grade(
        case_id=case.id,
        epoch=epoch,
        cluster=case.cluster,
        expected=expect.action,
        reason=expect.reason if isinstance(expect, Abstain) else None,
        outcome=outcome,
        cause=cause,
        detail=legible(detail),
        selected=selected,
        schema_valid=clean and problem is None,
        correct=cause is None,
        correct_leniently=correct_leniently,
        executed=executed,
        stopped=None if completion.stop_reason == "unknown" else completion.stop_reason == "stop",
        uses_result=uses_result(case.messages, lenient.answer) if isinstance(expect, Abstain) else None,
        answer_length=len(lenient.answer),
        called=tuple([legible(call.name) for call in lenient.calls]),
        offered=len(case.toolbox.tools),
        tool=None if isinstance(expect, Abstain) else expect.tool,
        tags=dict(case.tags),
        waived=case.waiver,
        arguments_known=isinstance(expect, Abstain) or expect.arguments_known,
        calls=_judged(lenient.calls, match, correct_leniently),
        option=None if match is None or isinstance(expect, Abstain) else expect.any_of.index(match.option),
        answer=lenient.answer,
    )
