"""Traces built without validation.

Validating every message of millions of tokens' worth of traces costs more than making them. The parts here come from
this package alone, not from a file or a user, so they are constructed as they are; a test validates a sample of them.
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
    """A system turn."""
    return _turn("system", content)


def user(content: str) -> Message:
    """What the user says."""
    return _turn("user", content)


def answer(content: str) -> Message:
    """An assistant turn in plain words."""
    return _turn("assistant", content)


def calls(*made: tuple[str, dict[str, Any]]) -> Message:
    """An assistant turn that does nothing but call: one `(name, arguments)` a call."""
    return _turn("assistant", "", tuple(Call.model_construct(name=name, arguments=values) for name, values in made))


def result(name: str, value: Any) -> Message:
    """What a tool returned, as JSON."""
    return _turn("tool", json.dumps(value, ensure_ascii=False), name=name)


def tool(name: str, description: str, parameters: dict[str, Any]) -> Tool:
    """A tool that exists in one conversation only and has no implementation."""
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
    """A conversation of this mix; it has no case, because invented tools are not a benchmark."""
    return Trace.model_construct(
        messages=tuple(messages),
        toolbox=Toolbox.model_construct(name="made", tools=tuple(tools)),
        query=query,
        query_type=query_type,
        tool_name=tool_name,
        source=source,
        case=None,
    )
