"""Makes traces and cases from the conversations of other collections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toolmark.benchmark.data.cases import Abstain, Case, Message, Source, Toolbox
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.readers.assistant_turns import assistant_turns
from toolmark.benchmark.readers.expected_calls import expected_calls, gold_fault

__all__ = ["conversation"]


def conversation(
    messages: Sequence[Message],
    toolbox: Toolbox,
    source: Source,
    licence: str,
    tags: Mapping[str, Any] | None = None,
    *,
    any_call: bool = False,
) -> Trace:
    """Return a conversation as a trace with a case.

    The case expects the calls of the first assistant turn with calls. If no turn has a call, the case expects that the
    model abstains in its first answer. The data does not say why the model abstains, so the reason is always
    `no_tool_needed`. A turn with the weight 0 is never an answer.

    Args:
        messages: The turns.
        toolbox: The offered tools.
        source: Source of the case.
        licence: Licence of the case.
        tags: Tags of the case.
        any_call: What happens if the case would expect an unusable call. A call is unusable if its tool is not offered,
            or if the call is written in the text and cannot be read. If True, the trace has no case. If False,
            `ValueError` is raised.

    Raises:
        ValueError: The conversation has no answer, or its answer is empty. Or a call in a text cannot be read, or names
            a tool that is not offered.
    """
    readable = True
    try:
        messages = assistant_turns(messages, toolbox)
    except ValueError:
        if not any_call:
            raise
        readable = False
    answers = [
        index
        for index, turn in enumerate(messages)
        if turn.role == "assistant" and turn.weight and index and messages[index - 1].role in ("user", "tool")
    ]
    if not answers:
        raise ValueError("no assistant turn answers a user")
    answer = next((index for index in answers if messages[index].tool_calls), answers[0])
    calls = messages[answer].tool_calls
    if not calls and not messages[answer].content.strip():
        raise ValueError("the answer of the assistant is empty")
    query = next((turn.content for turn in reversed(messages[:answer]) if turn.role == "user"), None)
    if query is None:
        raise ValueError("no turn of the user comes before the answer")
    case = None
    if readable and (not any_call or all(call.name in toolbox.names for call in calls)):
        expect = expected_calls(calls, toolbox) if calls else Abstain(action="abstain", reason="no_tool_needed")
        case = Case(
            messages=tuple(messages[:answer]),
            toolbox=toolbox,
            expect=expect,
            tags=dict(tags or {}),
            source=source,
            licence=licence,
            waiver=gold_fault(expect, toolbox),
        )
    return Trace(
        messages=tuple(messages),
        toolbox=toolbox,
        query=query,
        query_type="easy" if calls else "no_tool",
        tool_name=calls[0].name if calls else None,
        source=source.name,
        case=case,
    )
