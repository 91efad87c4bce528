"""Builds messages, tools and traces without validation.

The mix `pocket` has so many traces that validation would take longer than making the traces. Validation is not needed,
because all parts come from this package. A test validates a sample of the traces.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from toolmark.benchmark.data.cases import Call, Message, Tool, Toolbox
from toolmark.benchmark.data.traces import QueryType, Trace

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["answer", "calls", "result", "system", "tool", "trace", "user"]


def _turn(
    role: Literal["system", "user", "assistant", "tool"],
    content: str,
    tool_calls: tuple[Call, ...] = (),
    name: str | None = None,
) -> Message:
    return Message.model_construct(role=role, content=content, tool_calls=tool_calls, name=name, tool_call_id=None)


def system(content: str) -> Message:
    """Return a system turn."""
    return _turn("system", content)


def user(content: str) -> Message:
    """Return a user turn."""
    return _turn("user", content)


def answer(content: str) -> Message:
    """Return an assistant turn in plain words."""
    return _turn("assistant", content)


def calls(*made: tuple[str, dict[str, Any]]) -> Message:
    """Return an assistant turn that contains only calls. Each call is a pair of name and arguments."""
    return _turn("assistant", "", tuple(Call.model_construct(name=name, arguments=values) for name, values in made))


def result(name: str, value: Any) -> Message:
    """Return a tool turn with the result as JSON."""
    return _turn("tool", json.dumps(value, ensure_ascii=False), name=name)


def tool(name: str, description: str, parameters: dict[str, Any]) -> Tool:
    """Return a tool without implementation. The tool is used in only one conversation."""
    return Tool.model_construct(name=name, description=description, parameters=parameters, run=None, effects="pure")


def trace(
    messages: Sequence[Message],
    tools: Sequence[Tool],
    *,
    query: str,
    query_type: QueryType,
    source: str,
    tool_name: str | None = None,
) -> Trace:
    """Return a conversation of this mix. The trace has no case, because models are not judged on invented tools."""
    return Trace.model_construct(
        messages=tuple(messages),
        toolbox=Toolbox.model_construct(name="made", tools=tuple(tools)),
        query=query,
        query_type=query_type,
        tool_name=tool_name,
        source=source,
        case=None,
    )
