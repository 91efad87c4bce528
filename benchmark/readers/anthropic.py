"""Reads requests of Anthropic's Messages API: JSONL of `{"system": ..., "messages": [...], "tools": [...]}`.

These forms are read, too:

- the lines of a batch, where the request is in the field `params`; also with the `result` of the same line
- logs with the request in `request` or `body`, and the answer in `response` or `completion`

An answer is the last turn of the conversation. It must be complete: an answer that the token limit ended is an error.
Several `tool_use` blocks of one turn are parallel calls. `tool_result` blocks become tool turns, and the text beside
them becomes a turn of the user. A result with `is_error` becomes `{"error": ...}`. Thoughts are left out. Images,
documents, and tools that run on the server are errors. The formats are described in the API reference of messages and
message batches (docs.claude.com).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from toolmark.benchmark.core.strict_json import strict_json
from toolmark.benchmark.data.cases import Source
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.readers.call_results import in_order_of_calls
from toolmark.benchmark.readers.chat_turns import chat_trace, content_text
from toolmark.benchmark.readers.file_rows import Row
from toolmark.benchmark.readers.row_conversion import RowReader, decoded, field, inner_row, list_field
from toolmark.benchmark.readers.served_answers import check_error

__all__ = ["AnthropicReader"]

_ROLES = ("user", "assistant", "system")
_THOUGHTS = ("thinking", "redacted_thinking")
_CUT = ("max_tokens", "model_context_window_exceeded", "pause_turn")
"""The stop reasons of answers that are not complete."""
_OWN_SCHEMA = (None, "custom", "function")
"""The types of tools whose schema is in the row. The schemas of all other types are known only to the API."""
_OF_OPENAI = ("tool_calls", "function_call")


class AnthropicReader(RowReader):
    """Reads conversations as traces. Each trace has a case that expects the first calls of the conversation."""

    name = "anthropic"
    endings = (".jsonl", ".json", ".jsonl.gz", ".json.gz")

    def made(self, row: Row, ref: str) -> Trace:
        """Return the trace of a row."""
        request = inner_row(row, "params", "request", "body")
        answers = _answers(row)
        if answers and request.get("messages") is None:
            raise ValueError(
                "the row has an answer, but no request. Add the field params with the request of the answer"
            )
        turns = [{"role": "system", "content": request["system"]}] if request.get("system") else []
        for turn in [*list_field(request, "messages"), *answers]:
            turns += _turns(turn)
        tools = [] if request.get("tools") is None else [_tool(tool) for tool in list_field(request, "tools")]
        source = Source(name="anthropic", ref=str(row.get("custom_id") or ref))
        return chat_trace({"tools": tools}, in_order_of_calls(turns), source)


def _answers(row: Row) -> list[dict[str, Any]]:
    """Return the answer that a row contains outside of its request, as a list with one turn, or an empty list."""
    answer = next((row[key] for key in ("response", "completion") if row.get(key) is not None), None)
    if isinstance(result := row.get("result"), Mapping):
        check_error(inner_row(result, "error"))
        if result.get("type") != "succeeded":
            raise ValueError(f"the request of this row failed: {result.get('type')!r:.80}. Send the request again")
        answer = field(result, "message", dict)
    if answer is None:
        return []
    if isinstance(answer, Mapping):
        check_error(answer)
        if answer.get("stop_reason") in _CUT:
            raise ValueError(f"the answer is not complete: its stop_reason is {answer['stop_reason']}")
        if "content" not in answer:
            raise ValueError(f"an answer must have the field content: {answer!r:.80}")
        answer = answer["content"]
    return [{"role": "assistant", "content": answer}]


def _turns(turn: Any) -> list[dict[str, Any]]:
    """Return the turns in OpenAI's form that a turn becomes."""
    if not isinstance(turn, Mapping) or turn.get("role") not in _ROLES:
        raise ValueError(f"a turn must have one of the roles {', '.join(_ROLES)}: {turn!r:.80}")
    if foreign := next((key for key in _OF_OPENAI if turn.get(key)), None):
        raise ValueError(f"a turn has the field {foreign}, as in the format of OpenAI. Use the reader openai")
    content = turn.get("content")
    if not isinstance(content, list):
        return [dict(turn)]
    calls: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    rest: list[Any] = []
    for block in content:
        kind = block.get("type") if isinstance(block, Mapping) else None
        if kind == "tool_use" and turn["role"] == "assistant":
            calls.append(_call(block))
        elif kind == "tool_result" and turn["role"] == "user":
            results.append(_result(block))
        elif kind not in _THOUGHTS:
            rest.append(block)
    if turn["role"] == "assistant":
        return [{**turn, "content": rest, "tool_calls": calls}]
    return [*results, *([{**turn, "content": rest}] if rest else [])]


def _call(block: Mapping[str, Any]) -> dict[str, Any]:
    if block.get("input") is None:
        raise ValueError(f"a call must have the field input: {block!r:.80}")
    return {"id": block.get("id"), "name": field(block, "name", str), "arguments": block["input"]}


def _result(block: Mapping[str, Any]) -> dict[str, Any]:
    content = block.get("content")
    if block.get("is_error"):
        content = _error(content_text(content))
    return {"role": "tool", "tool_call_id": field(block, "tool_use_id", str), "content": content}


def _error(text: str) -> str:
    """Return the text of a result that is an error, in the form in which Toolmark's own tools return errors."""
    with suppress(ValueError):
        if isinstance(strict_json(text), dict):
            return text
    return json.dumps({"error": text}, ensure_ascii=False)


def _tool(value: Any) -> Any:
    """Return a tool unchanged.

    Raises:
        ValueError: The schema of the tool is not in the row.
    """
    tool = decoded(value, "a tool")
    if isinstance(tool, Mapping) and tool.get("type") not in _OWN_SCHEMA and not tool.get("input_schema"):
        raise ValueError(
            f"the tool {tool.get('name')!r:.80} has the type {tool['type']!r:.80} and no input_schema. Only tools with "
            "an input_schema can be read"
        )
    return tool
