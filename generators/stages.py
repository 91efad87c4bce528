"""The stages that a proposed trace must pass, in this order. Each rejection is counted with its stage and reason.

format      the last turn is the assistant's, only offered tools are called, and the case is valid and fits the trace
schema      the arguments of every call are valid
leakage     no question is a test query, and no held-out tool is offered or called
duplicate   no accepted trace has the same question, or nearly the same question with the same right answer
execution   every permitted call succeeds, and the conversation contains the call's real result
answer      an answer after a result uses this result
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
from toolmark.benchmark.scoring.accepted_values import equal
from toolmark.benchmark.scoring.answers import result_value, uses_result
from toolmark.benchmark.tools.schemas import SchemaError, compile_schema, problems
from toolmark.generators.executed_calls import ExecutedCalls
from toolmark.generators.near_duplicates import NearDuplicates

__all__ = ["STAGES", "Rejection", "Stage", "TraceFilter"]

Stage = Literal["format", "schema", "leakage", "duplicate", "execution", "answer"]
STAGES: tuple[Stage, ...] = get_args(Stage)

_MAX_REASON = 300
_SAYS_EMPTY = re.compile(r"\b(?:no|none|nothing|not|empty|without)\b")


class Rejection(NamedTuple):
    """The reason why a trace was rejected, and the question of the trace, if the question is known."""

    stage: Stage
    reason: str
    query: str = ""
    query_type: str = ""
    tool_name: str | None = None
    source: str = ""


class TraceFilter:
    """Accepts or rejects traces one at a time.

    Args:
        held_out: The tools and queries that must not be in training data.
        calls: Runs the permitted calls.
        record: A function that is called with every rejection.

    Attributes:
        rejections: Number of rejected traces by stage.
        unexecuted: Number of calls that were only checked against the schema, because the tool may not run.
        dropped: Number of conversations that the generator itself gave up.
    """

    def __init__(
        self, held_out: HeldOut, calls: ExecutedCalls, record: Callable[[Rejection], None] = lambda _: None
    ) -> None:
        self._held_out = held_out
        self._calls = calls
        self._record = record
        self._asked: set[bytes] = set()
        self._near = NearDuplicates()
        self.rejections: Counter[Stage] = Counter()
        self.unexecuted = 0
        self.dropped = 0

    def drop(self, stage: str, reason: str, query: str, query_type: str, tool_name: str | None) -> None:
        """Count a conversation as rejected at `stage`, because the generator itself gave the conversation up.

        Raises:
            ValueError: There is no such stage.
        """
        if stage not in STAGES:
            raise ValueError(f"there is no stage {stage!r}; the stages are {', '.join(STAGES)}")
        self.dropped += 1
        self._reject(Rejection(stage, reason, query, query_type, tool_name, "dropped by the generator"))

    def _reject(self, rejection: Rejection) -> None:
        self.rejections[rejection.stage] += 1
        self._record(rejection._replace(reason=" ".join(rejection.reason.split())[:_MAX_REASON]))

    def accepts(self, trace: Trace) -> bool:
        """Whether `trace` passes every stage. If `trace` fails at a stage, the rejection is counted for this stage."""
        rejection = self._first_failure(trace)
        if rejection is None:
            return True
        about = (trace.query, trace.query_type, trace.tool_name, trace.source)
        self._reject(Rejection(rejection.stage, rejection.reason, *about))
        return False

    def _first_failure(self, trace: Trace) -> Rejection | None:
        if reason := ill_formed(trace):
            return Rejection("format", reason)
        if reason := invalid_call(trace):
            return Rejection("schema", reason)
        if reason := self._held_out.leak(trace):
            return Rejection("leakage", reason)
        key = bytes.fromhex(_question_key(trace))
        if key in self._asked:
            return Rejection("duplicate", "the same question was accepted before")
        near = self._near.find(_user_text(trace), _gold_hash(trace)) if trace.case is not None else None
        if near is not None:
            return Rejection("duplicate", f"nearly the same as {near!r}, with the same right answer")
        if reason := self._failed_call(trace):
            return Rejection("execution", reason)
        if reason := ignored_result(trace):
            return Rejection("answer", reason)
        self._asked.add(key)
        if trace.case is not None:
            self._near.add(_user_text(trace), _gold_hash(trace))
        return None

    def _failed_call(self, trace: Trace) -> str | None:
        offered = {tool.name: tool for tool in trace.tools}
        for call, returned in _calls_with_results(trace):
            tool = offered[call.name]
            if not self._calls.may_run(tool):
                self.unexecuted += 1
                continue
            result = self._calls.run(tool, call.arguments)
            if result.kind != "ok":
                return f"{call.name}: {result.kind}: {result.error}"
            if returned is not None and not _same_value(returned, result.value):
                return f"{call.name} returned something else than the conversation says"
        return None


def _calls_with_results(trace: Trace) -> Iterator[tuple[Call, Message | None]]:
    """Yield every call with the tool turn of the call's result, or with None.

    Results have the same order as the calls.
    """
    for index, message in enumerate(trace.messages):
        for offset, call in enumerate(message.tool_calls, start=1):
            answers = trace.messages[index + offset : index + offset + 1]
            yield call, answers[0] if answers and answers[0].role == "tool" else None


def _same_value(returned: Message, value: object) -> bool:
    # In the turn, a string can be written with or without quotes. So `55` can be the string "55".
    return returned.content == value or equal(result_value(returned.content), value)


def ill_formed(trace: Trace) -> str | None:
    """Return the error in the form of `trace`. None if the form is right."""
    names = {tool.name for tool in trace.tools}
    last = trace.messages[-1]
    if last.role != "assistant":
        return f"it ends with the {last.role}'s turn"
    if len(names) < len(trace.tools):
        return "two offered tools have the same name"
    # Calls in the last turn have no result, because the tools may not run. All earlier calls must have a result.
    for call, returned in _calls_with_results(trace):
        if call.name not in names:
            return f"it calls {call.name[:60]!r}, which is not offered"
        if returned is None and call not in last.tool_calls:
            return f"its call of {call.name} has no result"
    if trace.tool_name is not None and trace.tool_name not in names:
        return f"its tool {trace.tool_name!r} is not offered"
    if trace.case is None:
        return None
    try:
        # A generator may build a case without validation. But a case must be valid, because cases are read from files.
        Case.model_validate(trace.case.model_dump())
    except ValidationError as error:
        return f"its case is not valid: {error.errors()[0]['msg']}"
    asked = trace.case.messages
    if trace.messages[: len(asked)] != asked or trace.toolbox.tools != trace.case.toolbox.tools:
        return "its case asks something else"
    return None


def invalid_call(trace: Trace) -> str | None:
    """Return the error in the first call with invalid arguments. None if the arguments of all calls are valid."""
    offered = {tool.name: tool for tool in trace.tools}
    try:
        for call, _ in _calls_with_results(trace):
            if found := problems(call.arguments, compile_schema(offered[call.name].parameters)):
                return f"{call.name}: {found[0].path or 'arguments'}: {found[0].message}"
    except SchemaError as error:
        return f"a tool's schema is invalid: {error}"
    return None


def ignored_result(trace: Trace) -> str | None:
    """Describe the first answer that does not use the results before this answer. None if there is no such answer."""
    for index, message in enumerate(trace.messages):
        before = trace.messages[index - 1] if index else None
        if message.role != "assistant" or message.tool_calls or before is None or before.role != "tool":
            continue
        first = index
        while trace.messages[first - 1].role == "tool":
            first -= 1
        results = range(first, index)
        if not any(
            _nothing_to_use(trace.messages[i], message.content) or uses_result(trace.messages[: i + 1], message.content)
            for i in results
        ):
            return f"the answer {message.content[:120]!r} uses nothing of the result {before.content[:120]!r}"
    return None


def _nothing_to_use(returned: Message, answer: str) -> bool:
    """Whether the result is empty, or a part of the result is empty and the answer says so."""
    content = returned.content.strip()
    if not content.strip(" []{}") or content in ("null", '""'):
        return True
    return (
        any(mark in content for mark in ("[]", "{}", "null", '""'))
        and _SAYS_EMPTY.search(answer.casefold()) is not None
    )


def _user_text(trace: Trace) -> str:
    return "\n".join(message.content for message in trace.messages if message.role == "user")


def _gold_hash(trace: Trace) -> str:
    return digest(trace.case.expect.model_dump(mode="json")) if trace.case is not None else ""


def _question_key(trace: Trace) -> str:
    """A hash that is the same for two traces with the same question.

    If the trace has a case, only the turns before the answer are hashed. The question is then the same even if other
    tools are offered. If the trace has no case, its tools were invented for this conversation. The names of the offered
    tools are then hashed too.
    """
    if trace.case is not None:
        return digest([message.as_openai() for message in trace.case.messages])
    turns = [message.content for message in trace.messages if message.role == "user"]
    return digest([turns, [tool.name for tool in trace.tools]])
