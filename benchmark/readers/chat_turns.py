"""Reads chat turns in the form of OpenAI and TRL. Several formats use this form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toolmark.benchmark.data.cases import Message, Source, Toolbox
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.readers.conversations import conversation
from toolmark.benchmark.readers.expected_calls import call_of, calls_of
from toolmark.benchmark.readers.file_rows import Row
from toolmark.benchmark.readers.row_conversion import decoded
from toolmark.benchmark.readers.tool_formats import tool_of, toolbox_of
from toolmark.benchmark.readers.turn_parts import after_thoughts

__all__ = ["chat_trace", "chat_turns", "content_of_call", "content_text", "tools_of", "turn_weight"]

_ROLES: Mapping[str, str] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
    "tool_call": "assistant",
    "tool_response": "tool",
}

_WEIGHTS = ("weight", "train", "training", "loss")
"""The fields in which trainers mark the turns that a model learns: OpenAI and axolotl, axolotl, ms-swift."""
_TEXTS: Mapping[str, str] = {"text": "text", "input_text": "text", "output_text": "text", "refusal": "refusal"}
"""For each type of a part that is text: the field that contains the text."""


def turn_weight(turn: Mapping[str, Any]) -> dict[str, Any]:
    """Return the weight of an assistant turn as a field of `Message`. Return {} if the turn has no mark.

    Raises:
        ValueError: A mark is not true, false, 1 or 0, or the marks contradict each other.
    """
    marks = {key: turn[key] for key in _WEIGHTS if turn.get(key) is not None}
    for key, mark in marks.items():
        if mark not in (0, 1):
            raise ValueError(f"the field {key} of a turn must be a boolean, 0 or 1, not {mark!r:.80}")
    if len(set(marks.values())) > 1:
        raise ValueError(f"the fields {' and '.join(marks)} of a turn contradict each other")
    return {"weight": int(next(iter(marks.values())))} if marks else {}


def content_text(content: Any) -> str:
    """Return the content of a turn as one text. The content is a string, or a list of parts that are text.

    Raises:
        ValueError: The content has another form.
    """
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise ValueError(f"the content of a turn must be a string, not {content!r:.80}")
    parts: list[str] = []
    for part in content:
        text = part.get(_TEXTS.get(str(part.get("type")), "")) if isinstance(part, Mapping) else None
        if not isinstance(text, str):
            raise ValueError(f"a part of a turn is not text: {part!r:.80}")
        parts.append(text)
    return "\n".join(parts)


def content_of_call(text: str) -> dict[str, Any]:
    """Return the fields `content` and `tool_calls` of a turn that contains only calls, perhaps after a thought.

    Raises:
        ValueError: The calls cannot be read.
    """
    calls = after_thoughts(text)
    return {"content": text[: text.rindex(calls)].strip(), "tool_calls": calls_of(calls)}


def chat_turns(turns: Sequence[Any]) -> tuple[Message, ...]:
    """Convert turns with the fields `role` and `content` to messages.

    Calls are in `tool_calls` or `function_call`, or in the content of a turn of the role `tool_call` (ms-swift).

    Raises:
        ValueError: A turn cannot be read.
    """
    read: list[Message] = []
    for turn in turns:
        if not isinstance(turn, Mapping) or str(turn.get("role")) not in _ROLES:
            raise ValueError(f"a turn must have one of the roles {', '.join(_ROLES)}: {turn!r:.80}")
        calls = decoded(turn.get("tool_calls") or None, "the field tool_calls") or (
            [turn["function_call"]] if turn.get("function_call") else []
        )
        if not isinstance(calls, list):
            raise ValueError(f"tool_calls must be a list, not {calls!r:.80}")
        fields: dict[str, Any] = {
            "role": _ROLES[turn["role"]],
            "content": content_text(turn.get("content") or turn.get("refusal")),
            "tool_calls": tuple(map(call_of, calls)),
        }
        if turn["role"] == "tool_call":
            fields |= content_of_call(fields["content"])
        if fields["role"] == "assistant":
            fields |= turn_weight(turn)
            _check_fields(turn)
        elif fields["role"] == "tool":
            fields |= {key: turn[key] for key in ("name", "tool_call_id") if isinstance(turn.get(key), str)}
        read.append(Message(**fields))
    return tuple(read)


def _check_fields(turn: Mapping[str, Any]) -> None:
    """Raise `ValueError` if calls of an assistant turn are perhaps in a field that is not read."""
    known = ("tool_calls", "function_call", "tool_call_id")
    for key, value in turn.items():
        if value and key not in known and ("call" in key or "tool" in key):
            raise ValueError(f"an assistant turn has the unknown field {key}: {value!r:.80}")


def tools_of(row: Row) -> Toolbox:
    """Return the tools of a row. The field `tools`, or the older field `functions`, contains a list or its JSON text.

    Raises:
        ValueError: The field cannot be read.
    """
    listed = decoded(row.get("tools") or row.get("functions") or None, "the field tools")
    listed = [] if listed is None else listed
    if not isinstance(listed, list):
        raise ValueError(f"the field tools must be a list, not {listed!r:.80}")
    return toolbox_of(map(tool_of, listed))


def chat_trace(row: Row, turns: Sequence[Any], source: Source) -> Trace:
    """Return the conversation of a row as a trace.

    Args:
        row: The row, which contains the tools.
        turns: The turns of the conversation.
        source: Source of the trace.

    Raises:
        ValueError: The row cannot be read.
    """
    return conversation(chat_turns(turns), tools_of(row), source, "unknown")
