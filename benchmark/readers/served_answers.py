"""Reads recorded answers in the form in which servers send them.

A row contains the field `case`, and a whole reply of a server or the important fields of the reply:

- chat completions: `choices`, or `message` and `finish_reason`; and the lines of a finished batch, in which `custom_id`
  is the name of the case (platform.openai.com/docs)
- the Responses API: `output` (platform.openai.com/docs)
- Anthropic's messages: `content` is a list (docs.claude.com)
- Ollama's `/api/chat`: `message` and `done_reason`, and arguments as objects (Ollama, docs/api.md)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from toolmark.benchmark.readers.file_rows import Row

__all__ = ["check_error", "from_server"]

_REASONS: Mapping[str, str] = {
    "completed": "stop",
    "end_turn": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "function_call": "stop",
    "length": "length",
    "max_output_tokens": "length",
    "max_tokens": "length",
    "stop": "stop",
    "stop_sequence": "stop",
    "tool_calls": "stop",
    "tool_use": "stop",
}
"""The reasons why an answer ended: a mapping from the word of a server to the word in a recorded answer. All other
words become `unknown`."""
_OWN = frozenset({"case", "case_id", "epoch", "dialect"})
_ANSWERS = frozenset({"content", "refusal", "tool_calls", "function_call"})
"""The fields of a message that contain an answer, or null."""


def from_server(row: Row) -> Row:
    """Convert a row to the fields of a recorded answer. Fields that are already in this form stay unchanged.

    Raises:
        ValueError: The reply of a server is an error, or has no answer, or several answers.
    """
    check_error(row)
    if isinstance(row.get("response"), Mapping):
        body = row["response"].get("body")
        if not isinstance(body, Mapping):
            raise ValueError(f"the field response of a batch must have the field body, not {row['response']!r:.80}")
        row = {"case": row.get("custom_id"), **{key: row[key] for key in _OWN & row.keys()}, **body}
        check_error(row)
    reply = _reply(row)
    fields: dict[str, Any] = dict(row)
    if reply is not row:
        fields = {**{key: row[key] for key in _OWN & row.keys()}, **reply}
    reason = fields.get("stop_reason")
    if isinstance(reason, str):
        fields["stop_reason"] = _REASONS.get(reason, reason if reply is row else "unknown")
    for key in ("finish_reason", "done_reason"):
        if isinstance(reason := fields.pop(key, None), str):
            fields.setdefault("stop_reason", _REASONS.get(reason, "unknown"))
    if isinstance(fields.get("tool_calls"), list):
        fields["tool_calls"] = [_call(call) for call in fields["tool_calls"]]
    return fields


def check_error(row: Row) -> None:
    """Check that a row does not contain the error of a request instead of an answer.

    Raises:
        ValueError: The row contains an error.
    """
    if error := row.get("error"):
        detail = error.get("message") or error.get("code") if isinstance(error, Mapping) else error
        raise ValueError(f"the request of this row failed: {detail or error!r:.200}. Send the request again")


def _reply(row: Row) -> Row:
    """Return the text, the calls and the reason of a whole reply. Return any other row unchanged."""
    if isinstance(choices := row.get("choices"), list):
        if len(choices) != 1 or not isinstance(choices[0], Mapping):
            raise ValueError(f"a reply must have one choice, not {len(choices)}. Write a row for each choice")
        keys = ("message", "text", "finish_reason")
        return _reply({key: choices[0][key] for key in keys if key in choices[0]})
    if isinstance(items := row.get("output"), list):
        parts = [part for item in items if _kind(item) == "message" for part in _parts(item.get("content"))]
        calls = [item for item in items if _kind(item) == "function_call"]
        details = row.get("incomplete_details")
        reason = details.get("reason") if isinstance(details, Mapping) else None
        return {"text": _text(parts), "tool_calls": calls, "stop_reason": reason or row.get("status")}
    if isinstance(row.get("content"), list):
        parts = _parts(row["content"])
        calls = [
            {"name": part.get("name"), "arguments": part.get("input")} for part in parts if _kind(part) == "tool_use"
        ]
        return {"text": _text(parts), "tool_calls": calls, "stop_reason": row.get("stop_reason")}
    if not isinstance(message := row.get("message"), Mapping):
        return row
    if not _ANSWERS & message.keys():
        raise ValueError(
            f"the message of a reply must have the field content, not only {', '.join(message) or 'nothing'}"
        )
    called: Any = message.get("tool_calls")
    if called is None and isinstance(message.get("function_call"), Mapping):
        called = [message["function_call"]]
    text: Any = message.get("content")
    if isinstance(text, list):
        text = _text(_parts(text))
    elif not text:
        text = message.get("refusal") or ""  # For example, the token limit ended the answer inside the thought.
    reasons = {key: row[key] for key in ("stop_reason", "finish_reason", "done_reason") if key in row}
    return {"text": text, "tool_calls": called, **reasons}


def _kind(item: Any) -> Any:
    return item.get("type") if isinstance(item, Mapping) else None


def _parts(content: Any) -> list[Mapping[str, Any]]:
    if not isinstance(content, list) or not all(isinstance(part, Mapping) for part in content):
        raise ValueError(f"the content of a reply must be a list of parts, not {content!r:.80}")
    return content


def _text(parts: Iterable[Mapping[str, Any]]) -> str:
    return "".join(part["text"] for part in parts if isinstance(part.get("text"), str))


def _call(call: Any) -> Any:
    if not isinstance(call, Mapping):
        return call
    inner = call["function"] if isinstance(call.get("function"), Mapping) else call
    arguments = inner.get("arguments")
    if isinstance(arguments, Mapping):
        return {**inner, "arguments": json.dumps(arguments, ensure_ascii=False)}
    return {**inner, "arguments": ""} if arguments is None and "arguments" in inner else inner
