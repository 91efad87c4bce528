"""The stages at which a proposed trace is rejected, in order; the first that fails is counted, with its reason.

format      it ends in words, calls offered tools alone, and its case is valid and asks what it asks
schema      the arguments of every call are valid
leakage     it asks no test query, and no held-out tool is offered or called
duplicate   neither the same question nor nearly the same with the same right answer has been accepted before
execution   every call that may run runs, and the conversation holds its real result
answer      what is said after a result uses it
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple, get_args

from pydantic import ValidationError

from toolmark.benchmark.core.hashing import digest
from toolmark.benchmark.data.cases import Call, Case, Message
from toolmark.benchmark.data.held_out import HeldOut
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.scoring.answers import result_value, uses_result
from toolmark.benchmark.scoring.matching import equal
from toolmark.benchmark.tools.schemas import SchemaError, compile_schema, problems
from toolmark.generators.duplicates import NearDuplicates
from toolmark.generators.execution import Calls

__all__ = ["STAGES", "Judge", "Rejection", "Stage"]

Stage = Literal["format", "schema", "leakage", "duplicate", "execution", "answer"]
STAGES: tuple[Stage, ...] = get_args(Stage)

_MAX_REASON = 300
_NONE = re.compile(r"\b(?:no|none|nothing|not|empty|without)\b")


class Rejection(NamedTuple):
    """The stage at which a trace failed, and why; what it asked, where it got that far."""

    stage: Stage
    reason: str
    query: str = ""
    query_type: str = ""
    tool_name: str | None = None
    source: str = ""


class Judge:
    """Accepts or rejects traces one at a time, and counts.

    Args:
        held_out: What must not be in training data.
        calls: Runs the calls that may run.
        record: Is told every rejection.
    """

    def __init__(self, held_out: HeldOut, calls: Calls, record: Callable[[Rejection], None] = lambda _: None) -> None:
        self._held_out = held_out
        self._calls = calls
        self._record = record
        self._asked: set[bytes] = set()
        self._near = NearDuplicates()
        self.rejections: Counter[Stage] = Counter()
        self.unexecuted = 0
        self.dropped = 0

    def drop(self, stage: str, reason: str, query: str, query_type: str, tool_name: str | None) -> None:
        """Count what a generator gave up before it became a trace.

        Raises:
            ValueError: There is no such stage.
        """
        if stage not in STAGES:
            raise ValueError(f"{stage!r} is none of {', '.join(STAGES)}")
        self.dropped += 1
        self._reject(Rejection(stage, reason, query, query_type, tool_name, "dropped by the generator"))

    def _reject(self, rejection: Rejection) -> None:
        self.rejections[rejection.stage] += 1
        self._record(rejection._replace(reason=" ".join(rejection.reason.split())[:_MAX_REASON]))

    def accepts(self, trace: Trace) -> bool:
        """Whether `trace` passes every stage; the stage at which it fails is counted."""
        rejection = self._failure(trace)
        if rejection is None:
            return True
        about = (trace.query, trace.query_type, trace.tool_name, trace.source)
        self._reject(Rejection(rejection.stage, rejection.reason, *about))
        return False

    def _failure(self, trace: Trace) -> Rejection | None:
        if reason := ill_formed(trace):
            return Rejection("format", reason)
        if reason := invalid_call(trace):
            return Rejection("schema", reason)
        if reason := self._held_out.leak(trace):
            return Rejection("leakage", reason)
        key = bytes.fromhex(_question(trace))
        if key in self._asked:
            return Rejection("duplicate", "the same question was accepted before")
        near = self._near.of(_asked(trace), _right_answer(trace)) if trace.case is not None else None
        if near is not None:
            return Rejection("duplicate", f"nearly the same as {near!r}, with the same right answer")
        if reason := self._fails_to_run(trace):
            return Rejection("execution", reason)
        if reason := ignored_result(trace):
            return Rejection("answer", reason)
        self._asked.add(key)
        if trace.case is not None:
            self._near.add(_asked(trace), _right_answer(trace))
        return None

    def _fails_to_run(self, trace: Trace) -> str | None:
        offered = {tool.name: tool for tool in trace.tools}
        for call, returned in _calls(trace):
            tool = offered[call.name]
            if not self._calls.may_run(tool):
                self.unexecuted += 1
                continue
            result = self._calls.run(tool, call.arguments)
            if result.kind != "ok":
                return f"{call.name}: {result.kind}: {result.error}"
            if returned is not None and not _holds(returned, result.value):
                return f"{call.name} returned something else than the conversation says"
        return None


def _calls(trace: Trace) -> Iterator[tuple[Call, Message | None]]:
    """Every call with the tool turn that answers it: calls and their results stand in the same order."""
    for index, message in enumerate(trace.messages):
        for offset, call in enumerate(message.tool_calls, start=1):
            answers = trace.messages[index + offset : index + offset + 1]
            yield call, answers[0] if answers and answers[0].role == "tool" else None


def _holds(returned: Message, value: object) -> bool:
    # A string is returned as it is or in quotes: `55` may say the text 55.
    return returned.content == value or equal(result_value(returned.content), value)


def ill_formed(trace: Trace) -> str | None:
    """Why `trace` is no conversation to learn from."""
    names = {tool.name for tool in trace.tools}
    last = trace.messages[-1]
    if last.role != "assistant":
        return f"it ends with the {last.role}'s turn"
    if len(names) < len(trace.tools):
        return "two offered tools have the same name"
    # A conversation may end with its calls: of a tool that may not run nobody knows the result. Earlier ones have one.
    for call, returned in _calls(trace):
        if call.name not in names:
            return f"it calls {call.name[:60]!r}, which is not offered"
        if returned is None and call not in last.tool_calls:
            return f"its call of {call.name} has no result"
    if trace.tool_name is not None and trace.tool_name not in names:
        return f"its tool {trace.tool_name!r} is not offered"
    if trace.case is None:
        return None
    try:
        # A generator may construct without validating; what is written as a case must also read as one.
        Case.model_validate(trace.case.model_dump())
    except ValidationError as error:
        return f"its case is not valid: {error.errors()[0]['msg']}"
    asked = trace.case.messages
    if trace.messages[: len(asked)] != asked or trace.toolbox.tools != trace.case.toolbox.tools:
        return "its case asks something else"
    return None


def invalid_call(trace: Trace) -> str | None:
    """What is wrong with the first call whose arguments break its tool's schema."""
    offered = {tool.name: tool for tool in trace.tools}
    try:
        for call, _ in _calls(trace):
            if found := problems(call.arguments, compile_schema(offered[call.name].parameters)):
                return f"{call.name}: {found[0].path or 'arguments'}: {found[0].message}"
    except SchemaError as error:
        return f"a tool's schema is invalid: {error}"
    return None


def ignored_result(trace: Trace) -> str | None:
    """Which result the words that follow it do not use."""
    for index, message in enumerate(trace.messages):
        before = trace.messages[index - 1] if index else None
        if message.role != "assistant" or message.tool_calls or before is None or before.role != "tool":
            continue
        first = index
        while trace.messages[first - 1].role == "tool":
            first -= 1
        results = range(first, index)
        if not any(
            _says_nothing(trace.messages[i], message.content) or uses_result(trace.messages[: i + 1], message.content)
            for i in results
        ):
            return f"the answer {message.content[:120]!r} uses nothing of the result {before.content[:120]!r}"
    return None


def _says_nothing(returned: Message, answer: str) -> bool:
    """A result without anything to use, or an answer that says of an empty part of it that it is empty."""
    content = returned.content.strip()
    if not content.strip(" []{}") or content in ("null", '""'):
        return True
    return any(mark in content for mark in ("[]", "{}", "null", '""')) and _NONE.search(answer.casefold()) is not None


def _asked(trace: Trace) -> str:
    return "\n".join(message.content for message in trace.messages if message.role == "user")


def _right_answer(trace: Trace) -> str:
    return digest(trace.case.expect.model_dump(mode="json")) if trace.case is not None else ""


def _question(trace: Trace) -> str:
    """What makes two traces the same question.

    Where there is a case, the turns before the answer: other distractors do not make a new question. Without one the
    names of the offered tools count too, because made tools are never twice the same.
    """
    if trace.case is not None:
        return digest([message.as_openai() for message in trace.case.messages])
    turns = [message.content for message in trace.messages if message.role == "user"]
    return digest([turns, [tool.name for tool in trace.tools]])
