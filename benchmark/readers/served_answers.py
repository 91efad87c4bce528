"""Reads recorded answers in the form in which servers send them.

- The text and the calls can be in the field `message`, as in chat completions and in Ollama's answers.
- The reason why the answer ended can be in `finish_reason` or `done_reason`.
- The arguments of a call can be an object, as in Ollama's answers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from toolmark.benchmark.readers.file_rows import Row

__all__ = ["from_server"]

_REASONS: Mapping[str, str] = {
    "content_filter": "unknown",
    "end_turn": "stop",
    "eos": "stop",
    "function_call": "stop",
    "load": "unknown",
    "max_tokens": "length",
    "tool_calls": "stop",
    "tool_use": "stop",
}
"""The reasons why an answer ended: a mapping from the word of a server to the word in a recorded answer."""


def from_server(row: Row) -> Row:
    """Convert a row to the fields of a recorded answer. Fields that are already in this form stay unchanged."""
    fields: dict[str, Any] = dict(row)
    if isinstance(message := fields.get("message"), Mapping):
        del fields["message"]
        fields.setdefault("text", message.get("content"))
        fields.setdefault("tool_calls", message.get("tool_calls"))
    for key in ("finish_reason", "done_reason"):
        if (reason := fields.pop(key, None)) is not None:
            fields.setdefault("stop_reason", reason)
    if isinstance(fields.get("stop_reason"), str):
        fields["stop_reason"] = _REASONS.get(fields["stop_reason"], fields["stop_reason"])
    if isinstance(fields.get("tool_calls"), list):
        fields["tool_calls"] = [_call(call) for call in fields["tool_calls"]]
    return fields


def _call(call: Any) -> Any:
    if not isinstance(call, Mapping):
        return call
    inner = call["function"] if isinstance(call.get("function"), Mapping) else call
    if not isinstance(inner.get("arguments"), Mapping):
        return inner
    return {**inner, "arguments": json.dumps(inner["arguments"], ensure_ascii=False)}
