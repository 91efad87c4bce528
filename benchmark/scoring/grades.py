"""Grades one completion of one case.

A grade depends only on the case, the completion, the dialect, and the results of the calls that run. `metrics.py`
computes metrics from grades.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, Self

from toolmark.benchmark.data.cases import Abstain, Call, Case, ExpectCall, Tool
from toolmark.benchmark.data.completions import Completion, FailedAttempt
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.dialects.typed_arguments import typed
from toolmark.benchmark.scoring.accepted_values import accepts
from toolmark.benchmark.scoring.answers import uses_result
from toolmark.benchmark.scoring.causes import Cause
from toolmark.benchmark.scoring.execution import Executor
from toolmark.benchmark.scoring.matching import Fault, Match, Spelling, closest, offered_tool, same_names
from toolmark.benchmark.scoring.outcomes import Outcome, failed_attempt, outcome_of
from toolmark.benchmark.tools.right_arguments import without_nulls
from toolmark.benchmark.tools.schemas import problems, validator_of

__all__ = ["SCORER_VERSION", "Grade", "JudgedCall", "grade", "legible"]

SCORER_VERSION = "8"
"""Version of the rules for grading, which is recorded in runs. If a change of code can change a grade, increase it."""

_MAX_TEXT = 300

_MOST_CALLS = 20
"""A grade keeps at most this number of calls for reports."""


@dataclass(frozen=True, slots=True)
class JudgedCall:
    """A call that the lenient reading found, with its faults.

    Attributes:
        name: Name of the tool, as the model wrote it.
        arguments: Arguments, as the model wrote them.
        faults: Differences between this call and the expected call with which it is paired.
        expected: Whether the call is paired with an expected call. Always True in a case that expects no call.
    """

    name: str
    arguments: Mapping[str, Any]
    faults: tuple[Fault, ...] = ()
    expected: bool = True


@dataclass(slots=True)  # not frozen, because a frozen class takes several times as long to make
class Grade:
    """Everything that was judged about one completion of one case.

    The *strict* reading accepts only calls that are written as the dialect prescribes. The *lenient* reading accepts
    calls with small mistakes in their form, too.

    Attributes:
        case_id: Id of the case.
        epoch: Number of the repetition, from 1.
        cluster: The cluster of the case. Statistics treat clusters as independent of each other.
        expected: The right action.
        reason: Why abstaining is right. None if a call is right.
        outcome: The outcome of the completion.
        cause: The cause of failure. None if everything is right.
        detail: Details of the cause, for example the wrong value. Empty if everything is right.
        selected: Whether the right tools are called, each the right number of times (lenient reading).
        schema_valid: Whether there is at least one call, and every call is valid (strict reading). A call is valid if
            its tool is offered and its arguments fit the schema of the tool.
        correct: Whether everything is right (strict reading). If abstaining is right, the completion must abstain.
            Otherwise all calls and arguments must be right, and the calls that are allowed to run must run without an
            error.
        correct_leniently: Like `correct`, but for the lenient reading.
        executed: True if at least one call was run, and no call failed. False if a call failed. None if no call was
            run.
        forgiven: The mistakes in the form of the calls that the lenient reading accepts. Empty if there are none.
        stopped: Whether the model ended the completion by itself. None if the reason of the end was not recorded.
        uses_result: Whether the answer uses the tool result in the conversation. None if there is no tool result.
        answer_length: Number of characters of the text for the user.
        called: Names of the called tools, in order (lenient reading). Very long names are cut.
        offered: Number of offered tools.
        tool: Name of the expected tool. None if no tool or several tools are expected.
        tags: Tags of the case.
        waived: Reason why the case is waived. None if the case is not waived. No metric includes a waived grade.
        arguments_known: Whether the case contains the right arguments. If False, `correct` means only that the tool is
            right and that its arguments are valid.
        call_probability: The probability that the completion begins with a call. None if it is not known.
        calls: The first calls with their faults (lenient reading). Not part of a log.
        option: Index in `any_of` of the right answer that is closest to the calls. None if there are no calls or if
            abstaining is right. Not part of a log.
        answer: Text for the user, without calls and markers. Not part of a log.
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
    forgiven: tuple[str, ...] = ()
    call_probability: float | None = None
    calls: tuple[JudgedCall, ...] = ()
    option: int | None = None
    answer: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the fields that a log keeps, as JSON values."""
        return {name: getattr(self, name) for name in _LOGGED}

    def as_recorded(self, logged: Mapping[str, Any]) -> Self:
        """Return a copy of this grade with the fields that a log contains.

        So reports show the values of the log, even if an earlier version of the grading wrote the log.

        Args:
            logged: The fields that the log contains for the same completion.

        Raises:
            KeyError, TypeError: The log does not contain the fields of a grade.
        """
        cause = logged["cause"]
        changed = {
            **logged,
            "called": tuple(logged["called"]),
            "forgiven": tuple(logged.get("forgiven", ())),
            "cause": None if cause is None else Cause.of(cause),
        }
        return replace(self, **changed)


_LOGGED = tuple(field.name for field in fields(Grade) if field.name not in ("calls", "option", "answer"))


def legible(text: str, most: int = _MAX_TEXT) -> str:
    """Return `text`, cut to at most `most` characters.

    Lone surrogates (halves of a UTF-16 pair) become escapes, because a log cannot encode them.
    """
    short = text if len(text) <= most else text[: most - 1] + "…"
    return short if short.isascii() else short.encode("utf-8", "backslashreplace").decode()


def _reached(call: Call, case: Case) -> Tool | None:
    """Return the offered tool that is called by `call`. Return None if no offered tool has this name.

    The case says how names are compared.
    """
    names: Spelling = "exact" if isinstance(case.expect, Abstain) else case.expect.names
    return offered_tool(call.name, case.toolbox, names)


def _schema_problem(calls: Sequence[Call], case: Case) -> str | None:
    """Return why a call is invalid, or None if all calls are valid. If there is no call, return "no call"."""
    if not calls:
        return "no call"
    for call in calls:
        tool = _reached(call, case)
        if tool is None:
            return f"{call.name} is not offered"
        schema_problems = problems(call.arguments, validator_of(tool))
        if schema_problems and isinstance(case.expect, ExpectCall):
            others = without_nulls(call.arguments, schema_problems)
            if len(others) < len(schema_problems):  # some wrong values are null, and some cases accept null
                schema_problems = without_nulls(_accepted_arguments(call, tool, case.expect), schema_problems)
        if schema_problems:
            return f"{call.name}{schema_problems[0].path}: {schema_problems[0].message}"
    return None


def _accepted_arguments(call: Call, tool: Tool, expect: ExpectCall) -> dict[str, Any]:
    """Return the arguments of `call` whose values are right in at least one of the right answers."""
    specs = [spec for option in expect.any_of for spec in option.calls if spec.name == tool.name]
    return {
        name: value
        for name, value in call.arguments.items()
        if any(name in spec.arguments and accepts(spec.arguments[name], value) for spec in specs)
    }


def _run(calls: Sequence[Call], case: Case, executor: Executor | None) -> tuple[bool | None, str]:
    """Run the calls that are allowed to run. Stop after the first call that fails.

    Returns:
        A pair of a result and an error. The result is True if all these calls ran without an error, False if a call
        failed, and None if no call is allowed to run. The error is empty if no call failed.
    """
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
    """Return the cause of failure of `calls`, the detail of the cause, and the result of `_run`.

    `problem` says why the calls do not fit their schemas. The calls run only if `problem` is None.
    """
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


def _unread(failed: FailedAttempt | None, completion: Completion) -> tuple[Cause, str]:
    """Return the cause of failure of a malformed completion, and the detail of the cause.

    `failed` is the attempt to call that cannot be read. It is None if there is no such attempt.
    """
    if completion.stop_reason == "length" and (failed is None or failed.cut):
        return Cause.TRUNCATED, "the token limit cut the completion inside a call or before an answer"
    if failed is not None and failed.form is not None:
        return Cause.FOREIGN_FORMAT, failed.form
    if failed is not None:
        return Cause.UNPARSEABLE, failed.reason
    return Cause.UNPARSEABLE, "no call can be read" if completion.text.strip() else "empty"


def _judged(calls: Sequence[Call], match: Match | None, right: bool) -> tuple[JudgedCall, ...]:
    """Return at most `_MOST_CALLS` calls of an answer, each with its faults.

    Args:
        calls: All calls of the answer.
        match: The comparison with the expected calls. If it is None, no call is expected, and the calls get no faults.
        right: Whether the answer is right. The calls of a right answer get no faults.
    """
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
    """Grade one completion.

    Args:
        case: The case.
        completion: The answer of a candidate to the case.
        dialect: The dialect in which calls are read.
        executor: Runs calls. Without an executor, no call runs, and the rule `same_result` accepts only equal values.
        epoch: Number of the repetition, from 1.
    """
    strict = typed(dialect.parse(completion, strict=True), case.toolbox.tools)
    # If the strict reading contains calls and no error, the lenient reading contains the same calls. A second parse
    # would waste time.
    clean = bool(strict.calls) and strict.error is None
    lenient = strict if clean else typed(dialect.parse(completion, strict=False), case.toolbox.tools)
    outcome = outcome_of(lenient, completion, case.toolbox.names)
    failed = None if clean and not lenient.failed else failed_attempt(lenient, case.toolbox.names)
    clean = clean and failed is None
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
        selected = failed is None and any(same_names(lenient.calls, option) for option in options)
        match = closest(lenient.calls, options, case.toolbox, executor.value if executor is not None else None)
        cause, detail, executed = _failure(match, lenient.calls, case, executor, problem)
        correct_leniently = cause is None and failed is None
        if failed is not None:
            cause, detail = _unread(failed, completion)
        elif correct_leniently and not clean:
            cause, detail = Cause.FORMAT, strict.error or "the strict reading differs"
    elif outcome == "abstain":
        cause, detail = Cause.NO_CALL, strict.answer[:200]
    if outcome == "malformed":
        cause, detail = _unread(failed, completion)
        if failed is None and cause is Cause.UNPARSEABLE and lenient.error is not None:
            detail = lenient.error

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
        forgiven=lenient.forgiven,
        call_probability=completion.call_probability,
        arguments_known=isinstance(expect, Abstain) or expect.arguments_known,
        calls=_judged(lenient.calls, match, correct_leniently),
        option=None if match is None or isinstance(expect, Abstain) else expect.any_of.index(match.option),
        answer=lenient.answer,
    )
