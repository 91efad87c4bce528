"""Everything judged about one completion of one case: one row of the frame.

A grade is made from the case, the completion and the dialect alone. It holds no metric: `metrics.py` reads grades.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from toolmark.benchmark.data.cases import Abstain, Call, CallOption, Case, Tool
from toolmark.benchmark.data.completions import Completion, ParsedCompletion
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.scoring.answers import uses_result
from toolmark.benchmark.scoring.execution import Executor
from toolmark.benchmark.scoring.matching import Spelling, closest, offered_tool, same_names
from toolmark.benchmark.scoring.outcomes import Outcome, outcome_of
from toolmark.benchmark.tools.schemas import problems, validator_of

__all__ = ["CAUSES", "SCORER_VERSION", "Cause", "Grade", "grade", "legible"]

SCORER_VERSION = "2"
"""Changes whenever the same completion could be graded differently; recorded beside the hashes of the gold."""

_MAX_TEXT = 300

Cause = Literal[
    "over_call",
    "no_call",
    "truncated",
    "unparseable",
    "unknown_tool",
    "wrong_count",
    "wrong_tool",
    "missing_argument",
    "extra_argument",
    "invalid_argument",
    "wrong_value",
    "wrong_order",
    "execution_error",
    "format",
]
CAUSES: tuple[Cause, ...] = Cause.__args__  # type: ignore[attr-defined]
"""In the order in which the first one found is the cause of a failure."""


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

    def as_json(self) -> dict[str, Any]:
        """Fields as JSON values."""
        return asdict(self)


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


def _call_failure(
    calls: Sequence[Call], options: Sequence[CallOption], case: Case, executor: Executor | None, problem: str | None
) -> tuple[Cause | None, str, bool | None]:
    """Cause and detail of what is wrong with `calls`, whose schema problem is given, and whether they ran."""
    _, found = closest(calls, options, case.toolbox, executor.value if executor is not None else None)
    by_cause: dict[Cause, str] = {}
    for fault in found:
        by_cause.setdefault(fault.kind, f"{fault.where}: {fault.detail}" if fault.detail else fault.where)
    executed: bool | None = None
    if problem is not None and "unknown_tool" not in by_cause:
        by_cause.setdefault("invalid_argument", problem)
    elif problem is None:
        executed, message = _run(calls, case, executor)
        if executed is False:
            by_cause["execution_error"] = message
    for cause in CAUSES:
        if cause in by_cause:
            return cause, by_cause[cause], executed
    return None, "", executed


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
    selected = correct_leniently = False

    if isinstance(case.expect, Abstain):
        if outcome == "call":
            cause, detail = "over_call", ", ".join(call.name for call in lenient.calls)
        correct_leniently = outcome == "abstain"
    elif outcome == "call":
        options = case.expect.any_of
        selected = any(same_names(lenient.calls, option) for option in options)
        cause, detail, executed = _call_failure(lenient.calls, options, case, executor, problem)
        correct_leniently = cause is None
        if correct_leniently and not clean:
            cause, detail = "format", strict.error or "the strict reading differs"
    elif outcome == "abstain":
        cause, detail = "no_call", strict.answer[:200]
    if outcome == "malformed":
        if completion.stop_reason == "length":
            cause, detail = "truncated", "cut before a call or an answer was whole"
        else:
            cause, detail = (
                "unparseable",
                lenient.error or ("no call can be read" if completion.text.strip() else "empty"),
            )

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
    )
