"""The dialect `json`: a call is a bare JSON object, and nothing else is one.

Strict: any text, then `{"name": …, "arguments": {…}}`, several of them one after another, or one array of them, then
nothing but white-space. Lenient also reads: text after the calls, code fences, the usual other keys, arguments as a
JSON string, `{"tool_calls": [...]}` around them. An object without arguments is an answer, not a call.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from benchmark.cases import Call, Message, Tool
from benchmark.completions import Completion, Prompt, Reading
from benchmark.dialects import jsontext
from benchmark.dialects.calls import call_from_object
from benchmark.dialects.turns import plain_turns

__all__ = ["Json"]

_INSTRUCTIONS = """\
Tools, one JSON object a line:
{tools}
To call a tool, reply with {{"name": "NAME", "arguments": {{"ARGUMENT": "VALUE"}}}} and nothing after it.
When no tool is needed, none fits, or a required argument is not known, answer in plain words."""

_RESULT = re.compile(r"^Result(?: of [^\n:]{1,128})?:", re.MULTILINE)
"""A tool result as `_write_result` tells it."""


def _write_call(call: Call) -> str:
    return jsontext.dumps({"name": call.name, "arguments": dict(call.arguments)})


def _write_assistant(message: Message) -> str:
    return "\n".join([message.content] * bool(message.content) + [_write_call(call) for call in message.tool_calls])


def _write_result(message: Message) -> str:
    return f"Result of {message.name}: {message.content}" if message.name else f"Result: {message.content}"


def _strict_call(value: Any) -> Call | None:
    if (
        isinstance(value, dict)
        and value.keys() == {"name", "arguments"}
        and isinstance(value["name"], str)
        and isinstance(value["arguments"], dict)
    ):
        return Call(name=value["name"], arguments=value["arguments"])
    return None


def _listed(value: Any, strict: bool) -> list[Any]:
    if not strict and isinstance(value, dict) and isinstance(value.get("tool_calls"), list):
        return list(value["tool_calls"])
    return value if isinstance(value, list) else [value]


def _strict_error(before: str, has_calls: bool) -> str | None:
    """Why a call behind the text `before` is not clean; `has_calls`: another call stands before that text."""
    if has_calls and _RESULT.search(before):
        return "it writes a tool result itself"
    if jsontext.in_fence(before):
        return "the call stands in a code fence"
    if before.rstrip().endswith(("[", "{", '":')):
        return "the call stands in a broken JSON value"
    return None


class Json:
    """Bare `{"name": …, "arguments": {…}}` objects."""

    name = "json"
    version = "1"
    stops: Sequence[str] = ()

    def render(self, messages: Sequence[Message], tools: Sequence[Tool]) -> Prompt:
        """Plain turns, the tool list at the end of the system turn."""
        lines = (json.dumps(tool.shown(), ensure_ascii=False, separators=(",", ":")) for tool in tools)
        instructions = _INSTRUCTIONS.format(tools="\n".join(lines)) if tools else ""
        return plain_turns(messages, instructions, _write_assistant, _write_result)

    def parse(self, completion: Completion, *, strict: bool) -> Reading:
        """Read the calls of a completion; never raises on what a model wrote."""
        text = completion.text
        if len(text) > jsontext.MAX_LENGTH:
            return Reading(attempted=True, error=f"longer than {jsontext.MAX_LENGTH} characters")
        text = jsontext.without_thinking(text)
        calls: list[Call] = []
        outside: list[str] = []
        position = 0
        error: str | None = None
        for start, end, value in jsontext.scan(text, strict=strict):
            read = [(_strict_call if strict else call_from_object)(item) for item in _listed(value, strict)]
            found = [call for call in read if call is not None]
            if found and len(found) == len(read):
                error = error or _strict_error(text[position:start], bool(calls))
                calls += found
                outside.append(text[position:start])
                position = end
        outside.append(text[position:])
        if calls and outside[-1].strip():
            error = error or "there is text after the last call"
        if not strict:
            error = None
        named = frozenset() if calls else jsontext.named_in(text)
        return Reading(tuple(calls), bool(calls), named, error, "".join(outside).strip())
