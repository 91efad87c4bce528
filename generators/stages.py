"""The checks (stages) that a proposed trace must pass, in this order. Each rejection is recorded with its reason.

format      the last turn is the assistant's, only offered tools are called, and the case is valid and fits the trace
schema      the arguments of every call are valid
leakage     no question is a test query, and no held-out tool is offered or called
duplicate   no accepted trace has the same question, or nearly the same question with the same right answer
execution   every permitted call succeeds, and the conversation contains the call's real result
answer      every answer after a result uses this result

A conversation in a world is played in this world at the stage `execution`. Its results must be the real ones, and its
answers must meet the demands of its scenario. So the stage `answer` does not check it.
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
from toolmark.benchmark.tools.schemas import SchemaError, problems, validator_of
from toolmark.generators.executed_calls import ExecutedCalls
from toolmark.generators.failed_calls import FailedCalls
from toolmark.generators.near_duplicates import NearDuplicates
from toolmark.generators.scenario_check import ScenarioCheck

__all__ = ["STAGES", "Rejection", "Stage", "TraceFilter"]

Stage = Literal["format", "schema", "leakage", "duplicate", "execution", "answer"]
STAGES: tuple[Stage, ...] = get_args(Stage)

_MAX_REASON = 300
_SAYS_EMPTY = re.compile(r"\b(?:no|none|nothing|not|empty|without)\b")


class Rejection(NamedTuple):
    """The stage at which a trace was rejected, the reason, and the question of the trace (empty if not known)."""

    stage: Stage
    reason: str
    query: str = ""
    query_type: str = ""
    tool_name: str | None = None
    source: str = ""


class TraceFilter:
    """Accepts or rejects each proposed trace.

    Args:
        held_out: The tools and queries that must not be in training data.
        calls: Runs the permitted calls.
        scenarios: Plays the conversations in worlds.
        record: A function that is called with every rejection.

    Attributes:
        rejections: Number of rejected traces by stage.
        unexecuted: Number of calls that were only checked against the schema, because the tool is not allowed to run.
        dropped: Number of conversations that the generator itself discarded.
        failed_calls: The permitted calls that failed. Each of them caused a rejection.
    """

    def __init__(
        self,
        held_out: HeldOut,
        calls: ExecutedCalls,
        scenarios: ScenarioCheck,
        record: Callable[[Rejection], None] = lambda _: None,
    ) -> None:
        self._held_out = held_out
        self._calls = calls
        self._scenarios = scenarios
        self._record = record
        self._asked: set[bytes] = set()
        self._near = NearDuplicates()
        self.rejections: Counter[Stage] = Counter()
        self.unexecuted = 0
        self.dropped = 0
        self.failed_calls = FailedCalls()

    def drop(self, stage: str, reason: str, query: str, query_type: str, tool_name: str | None) -> None:
        """Count one rejection at `stage` for a conversation that the generator itself discarded.

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
        """Return whether `trace` passes every stage. If it fails, count the rejection for the first failed stage."""
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
            return Rejection("duplicate", "the same question was already accepted")
        near = self._near.find(_user_text(trace), _gold_hash(trace)) if trace.case is not None else None
        if near is not None:
            return Rejection(
                "duplicate", f"the accepted question {near!r} is nearly the same and has the same right answer"
            )
        if reason := self._scenarios.fault(trace) if trace.scenario else self._failed_call(trace):
            return Rejection("execution", reason)
        if reason := None if trace.scenario else ignored_result(trace):
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
                self.failed_calls.add(call.name, result.error or result.kind)
                return f"{call.name}: {result.kind}: {result.error}"
            if returned is not None and not _same_value(returned, result.value):
                return f"the result of {call.name} differs from the result in the conversation"
        return None


def _calls_with_results(trace: Trace) -> Iterator[tuple[Call, Message | None]]:
    """Yield pairs of a call and the tool turn that contains its result. The turn is None if there is no result.

    Results have the same order as the calls.
    """
    for index, message in enumerate(trace.messages):
        for offset, call in enumerate(message.tool_calls, start=1):
            answers = trace.messages[index + offset : index + offset + 1]
            yield call, answers[0] if answers and answers[0].role == "tool" else None


def _same_value(returned: Message, value: object) -> bool:
    # A tool turn can contain a string with or without quotes. So the turn `55` can stand for the string "55".
    return returned.content == value or equal(result_value(returned.content), value)


def ill_formed(trace: Trace) -> str | None:
    """Return what is wrong with the form of `trace`. None if nothing is wrong."""
    names = {tool.name for tool in trace.tools}
    last = trace.messages[-1]
    if last.role != "assistant":
        return f"the last turn has the role {last.role} instead of assistant"
    if len(names) < len(trace.tools):
        return "two offered tools have the same name"
    # Some tools are not allowed to run, so calls in the last turn need no result. All earlier calls must have a result.
    for call, returned in _calls_with_results(trace):
        if call.name not in names:
            return f"the called tool {call.name[:60]!r} is not offered"
        if returned is None and call not in last.tool_calls:
            return f"the call of {call.name} has no result"
    if trace.tool_name is not None and trace.tool_name not in names:
        return f"the right tool {trace.tool_name!r} is not offered"
    if trace.case is None:
        return None
    try:
        # Some generators build cases without validation. An invalid case could not be read from its file later.
        Case.model_validate(trace.case.model_dump())
    except ValidationError as error:
        return f"the case is invalid: {error.errors()[0]['msg']}"
    asked = trace.case.messages
    if trace.messages[: len(asked)] != asked or trace.toolbox.tools != trace.case.toolbox.tools:
        return "the case has other messages or other tools than the conversation"
    return None


def invalid_call(trace: Trace) -> str | None:
    """Return what is wrong with the first call that has invalid arguments. None if all calls are valid."""
    offered = {tool.name: tool for tool in trace.tools}
    try:
        for call, _ in _calls_with_results(trace):
            if found := problems(call.arguments, validator_of(offered[call.name])):
                return f"{call.name}: {found[0].path or 'arguments'}: {found[0].message}"
    except SchemaError as error:
        return f"the schema of a tool is invalid: {error}"
    return None


def ignored_result(trace: Trace) -> str | None:
    """Return a description of the first answer that does not use the results directly before this answer.

    None if there is no such answer.
    """
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
            return f"the answer {message.content[:120]!r} contains nothing from the result {before.content[:120]!r}"
    return None


def _nothing_to_use(returned: Message, answer: str) -> bool:
    """Return whether the answer needs no value of the result.

    This is so if the whole result is empty. It is also so if a part of the result is empty, and the answer says that
    nothing was found.
    """
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
    """Return a hash that is the same for two traces with the same question.

    If the trace has a case, only the turns before the answer are hashed, and the offered tools do not matter. If the
    trace has no case, its tools were invented for this conversation. The names of its tools are then hashed too.
    """
    if trace.case is not None:
        return digest([message.as_openai() for message in trace.case.messages])
    turns = [message.content for message in trace.messages if message.role == "user"]
    return digest([turns, [tool.name for tool in trace.tools]])
