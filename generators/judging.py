"""The stages at which a proposed trace is rejected, in order; the first that fails is counted.

format      it ends in words, calls offered tools alone, and its case is valid and asks what it asks
schema      the arguments of every call are valid
leakage     it asks no test query, and no held-out tool is offered or called
duplicate   the same question has not been accepted before
execution   every call that may run runs, and the conversation holds its real result
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Literal, get_args

from pydantic import ValidationError

from benchmark.cases import Call, Case, Message, digest
from benchmark.scoring.execution import Executor
from benchmark.scoring.matching import equal
from benchmark.tools.schemas import SchemaError, compile_schema, problems
from benchmark.traces import Trace
from generators.leakage import HeldOut

__all__ = ["STAGES", "Judge", "Stage"]

Stage = Literal["format", "schema", "leakage", "duplicate", "execution"]
STAGES: tuple[Stage, ...] = get_args(Stage)


class Judge:
    """Accepts or rejects traces one at a time, and counts.

    Args:
        held_out: What must not be in training data.
        executor: Runs the calls that may run.
    """

    def __init__(self, held_out: HeldOut, executor: Executor) -> None:
        self._held_out = held_out
        self._executor = executor
        self._asked: set[bytes] = set()
        self.rejections: Counter[Stage] = Counter()
        self.unexecuted = 0

    def accepts(self, trace: Trace) -> bool:
        """Whether `trace` passes every stage; the stage at which it fails is counted."""
        stage = self._failure(trace)
        if stage is not None:
            self.rejections[stage] += 1
        return stage is None

    def _failure(self, trace: Trace) -> Stage | None:
        if not _well_formed(trace):
            return "format"
        if not _valid_calls(trace):
            return "schema"
        if self._held_out.leaks(trace):
            return "leakage"
        key = bytes.fromhex(_question(trace))
        if key in self._asked:
            return "duplicate"
        if not self._runs(trace):
            return "execution"
        self._asked.add(key)
        return None

    def _runs(self, trace: Trace) -> bool:
        offered = {tool.name: tool for tool in trace.tools}
        for call, returned in _calls(trace):
            tool = offered[call.name]
            if not self._executor.may_run(tool):
                self.unexecuted += 1
                continue
            result = self._executor.run(tool, call.arguments)
            if result.kind != "ok" or not _holds(returned, result.value):
                return False
        return True


def _calls(trace: Trace) -> Iterator[tuple[Call, Message | None]]:
    """Every call with the tool turn that answers it: calls and their results stand in the same order."""
    for index, message in enumerate(trace.messages):
        for offset, call in enumerate(message.tool_calls, start=1):
            answers = trace.messages[index + offset : index + offset + 1]
            yield call, answers[0] if answers and answers[0].role == "tool" else None


def _holds(returned: Message | None, value: object) -> bool:
    if returned is None:
        return False
    try:
        return equal(json.loads(returned.content), value)
    except (ValueError, RecursionError):
        return False


def _well_formed(trace: Trace) -> bool:
    names = {tool.name for tool in trace.tools}
    last = trace.messages[-1]
    if last.role != "assistant" or len(names) < len(trace.tools):
        return False
    # A tool that may not run leaves its call as the last turn; every other call has a result.
    unanswered = [call for call, returned in _calls(trace) if returned is None]
    if any(call.name not in names for call, _ in _calls(trace)) or any(
        call not in last.tool_calls for call in unanswered
    ):
        return False
    if trace.tool_name is not None and trace.tool_name not in names:
        return False
    if trace.case is None:
        return True
    try:
        # A generator may construct without validating; what is written as a case must also read as one.
        Case.model_validate(trace.case.model_dump())
    except ValidationError:
        return False
    asked = trace.case.messages
    return trace.messages[: len(asked)] == asked and trace.toolbox.tools == trace.case.toolbox.tools


def _valid_calls(trace: Trace) -> bool:
    offered = {tool.name: tool for tool in trace.tools}
    try:
        return not any(
            problems(call.arguments, compile_schema(offered[call.name].parameters)) for call, _ in _calls(trace)
        )
    except SchemaError:
        return False


def _question(trace: Trace) -> str:
    """What makes two traces the same question.

    Where there is a case, the turns before the answer: other distractors do not make a new question. Without one the
    names of the offered tools count too, because made tools are never twice the same.
    """
    if trace.case is not None:
        return digest([message.as_openai() for message in trace.case.messages])
    turns = [message.content for message in trace.messages if message.role == "user"]
    return digest([turns, [tool.name for tool in trace.tools]])
