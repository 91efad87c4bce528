"""Reads requests of Gemini's `generateContent`: JSONL of `{"contents": [...], "tools": [...]}`.

These forms are read, too:

- the system instruction in `systemInstruction`, and all names in snake case, for example `function_call`
- the lines of a batch and of logs, with the request in `request` and the answer in `response`
- preferences, `{"contents": ..., "completions": [{"score": 1, "completion": ...}, ...]}`, of which only the completion
  with the score 1 is read

An answer is the last turn of the conversation. It must be complete, so its `finishReason` must be `STOP`. Thoughts are
left out. Images, files, and tools that run on the server are errors. The formats are described in the reference of the
Gemini API (ai.google.dev/api) and in the guides to tuning and batches of Vertex AI (cloud.google.com/vertex-ai).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from toolmark.benchmark.data.cases import Source
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.readers.call_results import in_order_of_calls
from toolmark.benchmark.readers.chat_turns import chat_trace
from toolmark.benchmark.readers.file_rows import Row
from toolmark.benchmark.readers.gemini_tools import either, gemini_tools
from toolmark.benchmark.readers.row_conversion import RowReader, field, inner_row, list_field
from toolmark.benchmark.readers.served_answers import check_error

__all__ = ["GeminiReader"]

_ROLES: Mapping[str, str] = {
    "user": "user",
    "model": "assistant",
    "function": "user",
    "tool": "user",
    "system": "system",
}
"""A mapping from a role of Gemini to a role of OpenAI. In every role except `model`, parts can be results."""
_COMPLETE = ("STOP", "FINISH_REASON_UNSPECIFIED")
_WRAPPERS = ({"output"}, {"result"})
"""The keys around a result. The API reads `output` as the result, and the SDK writes `result` around a plain value."""


class GeminiReader(RowReader):
    """Reads conversations as traces. Each trace has a case that expects the first calls of the conversation."""

    name = "gemini"
    endings = (".jsonl", ".json", ".jsonl.gz", ".json.gz")

    def made(self, row: Row, ref: str) -> Trace:
        """Return the trace of a row."""
        request = inner_row(row, "request")
        answers = _answers(row)
        if answers and request.get("contents") is None:
            raise ValueError(
                "the row has an answer, but no request. Add the field request with the request of the answer"
            )
        contents = [*list_field(request, "contents"), *answers]
        if system := either(request, "systemInstruction"):
            parts = [{"text": system}] if isinstance(system, str) else either(system, "parts")
            contents.insert(0, {"role": "system", "parts": parts})
        turns = [turn for content in contents for turn in _turns(content)]
        source = Source(name="gemini", ref=str(row.get("key") or ref))
        return chat_trace({"tools": gemini_tools(request)}, in_order_of_calls(turns), source)


def _answers(row: Row) -> list[Any]:
    """Return the answer that a row contains outside of its request, as a list with one turn, or an empty list."""
    check_error(row)
    if row.get("status"):
        raise ValueError(f"the request of this row failed: {row['status']!r:.200}. Send the request again")
    if row.get("completions") is not None:
        preferred = [
            field(one, "completion", dict) for one in list_field(row, "completions") if either(one, "score") == 1
        ]
        if len(preferred) != 1:
            raise ValueError(f"one of the completions must have the score 1, not {len(preferred)}")
        return preferred
    if row.get("response") is None:
        return []
    response = field(row, "response", dict)
    candidates = response.get("candidates")
    if not isinstance(candidates, list) or len(candidates) != 1:
        raise ValueError(f"a response must have one candidate: {response!r:.80}")
    reason = either(candidates[0], "finishReason")
    if reason is not None and reason not in _COMPLETE:
        raise ValueError(f"the answer is not complete: its finishReason is {reason!r:.80}")
    return [field(candidates[0], "content", dict)]


def _turns(content: Any) -> list[dict[str, Any]]:
    """Return the turns in OpenAI's form that a turn becomes."""
    role = str(content.get("role") or "user") if isinstance(content, Mapping) else ""
    if role not in _ROLES:
        raise ValueError(f"a turn must have one of the roles {', '.join(_ROLES)}: {content!r:.80}")
    texts: list[str] = []
    calls: list[Any] = []
    results: list[dict[str, Any]] = []
    for part in field(content, "parts", list):
        call, result = either(part, "functionCall"), either(part, "functionResponse")
        if not all(isinstance(value, Mapping) for value in (call, result) if value is not None):
            raise ValueError(f"a call or a result must be an object: {part!r:.80}")
        if call is not None and role == "model":
            calls.append(call)
        elif result is not None and role not in ("model", "system"):
            results.append(_result(result))
        elif call is not None or result is not None or not isinstance(part.get("text"), str):
            raise ValueError(f"a part of a turn with the role {role} is not text: {part!r:.80}")
        elif not part.get("thought"):
            texts.append(part["text"])
    if role == "model":
        # A text that was streamed is in several parts, which can end within a word.
        return [{**content, "role": "assistant", "content": "".join(texts), "tool_calls": calls}]
    return [*results, *([{"role": _ROLES[role], "content": "\n".join(texts)}] if texts or not results else [])]


def _result(result: Any) -> dict[str, Any]:
    value: Any = field(result, "response", dict)
    if value.keys() in _WRAPPERS:
        (value,) = value.values()
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return {"role": "tool", "tool_call_id": result.get("id"), "name": field(result, "name", str), "content": text}
