"""The dialect `tagged`: calls between `<tool_call>` tags, one compact JSON line a tool in the system turn.

Strict: any text, then one or more `<tool_call>{"tool_name": …, "args": {…}}</tool_call>`, then nothing but white-space.
Lenient also reads: text after the last call, code fences, a missing closing tag, several calls between one pair of
tags, `name`/`arguments`/`parameters` as keys, arguments as a JSON string, further keys.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from benchmark.cases import Call, Message, Tool
from benchmark.completions import Completion, Prompt, Reading
from benchmark.dialects import jsontext
from benchmark.dialects.calls import lenient_calls
from benchmark.dialects.turns import plain_turns

__all__ = ["Tagged"]

_OPEN, _CLOSE = "<tool_call>", "</tool_call>"
_ANSWER_OPEN, _ANSWER_CLOSE = "<final_answer>", "</final_answer>"
_RESULT = "<tool_result>"
_TAG = re.compile("</?tool_call>")
_NOT_BLANK = re.compile(r"\S")
_MAX_FAILURES = 64
"""Bodies that may fail to decode before only a tag ends a body: each failure may read to the end of the text."""

_INSTRUCTIONS = """\
You can use the tools listed below, one JSON object a line. To call a tool, write
<tool_call>{{"tool_name": "NAME", "args": {{"ARGUMENT": "VALUE"}}}}</tool_call>
and nothing after it; several calls follow one another. Its result comes back in <tool_result></tool_result>.
When no tool is needed, none fits, or a required argument is not known, do not call.
Give your answer in <final_answer></final_answer>.
{tools}"""


def _tool_line(tool: Tool) -> str:
    shown = {"tool_name": tool.name, "description": tool.description, "input_args": tool.parameters}
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":"))


def _write_call(call: Call) -> str:
    body = jsontext.dumps({"tool_name": call.name, "args": dict(call.arguments)})
    return f"{_OPEN}{body}{_CLOSE}"


def _write_assistant(message: Message) -> str:
    calls = "\n".join(_write_call(call) for call in message.tool_calls)
    if calls:
        return f"{message.content}\n{calls}" if message.content else calls
    return f"{_ANSWER_OPEN}{message.content}{_ANSWER_CLOSE}"


def _write_result(message: Message) -> str:
    return f"{_RESULT}{message.content}</tool_result>"


def _strict_call(body: str) -> Call:
    value = jsontext.loads(body, strict=True)
    if not isinstance(value, dict) or not isinstance(value.get("tool_name"), str):
        raise ValueError('a call is an object with the string "tool_name"')
    if extra := value.keys() - {"tool_name", "args"}:
        raise ValueError(f"a call has the unknown key {sorted(extra)[0]!r}")
    arguments: Any = value.get("args", {})
    if not isinstance(arguments, dict):
        raise ValueError('"args" is not an object')
    return Call(name=value["tool_name"], arguments=arguments)


def _blocks(text: str, strict: bool) -> Iterator[tuple[str, str | None, bool]]:
    """Pieces of `text`: what stands outside the tags, the body that follows (None at the end), and whether it closes.

    A tag inside a JSON string is part of an argument. So a body that is one JSON value ends behind it; any other ends
    at the next tag.
    """
    position = failures = 0
    while (start := text.find(_OPEN, position)) >= 0:
        begin = end = start + len(_OPEN)
        if failures < _MAX_FAILURES and (first := _NOT_BLANK.search(text, begin)) and first.group() in "{[":
            try:
                _, end = jsontext.decode(text, first.start(), strict=strict)
            except ValueError:
                failures += 1
        closing = _NOT_BLANK.search(text, end)
        if end == begin or closing is None or not text.startswith(_CLOSE, closing.start()):
            closing = _TAG.search(text, begin)
        if closing is None:
            yield text[position:start], text[begin:], False
            return
        closed = text.startswith(_CLOSE, closing.start())
        yield text[position:start], text[begin : closing.start()], closed
        position = closing.start() + len(_CLOSE) * closed
    yield text[position:], None, False


def _answer(text: str) -> str:
    before, _, rest = text.partition(_ANSWER_OPEN)
    inside, _, after = rest.partition(_ANSWER_CLOSE)
    return inside.strip() or (before + after).strip()


class Tagged:
    """`<tool_call>{"tool_name": …, "args": {…}}</tool_call>`; the default dialect."""

    name = "tagged"
    version = "1"
    stops: Sequence[str] = ()

    def render(self, messages: Sequence[Message], tools: Sequence[Tool]) -> Prompt:
        """Plain turns, the tool list at the end of the system turn."""
        instructions = _INSTRUCTIONS.format(tools="\n".join(map(_tool_line, tools))) if tools else ""
        return plain_turns(messages, instructions, _write_assistant, _write_result)

    def parse(self, completion: Completion, *, strict: bool) -> Reading:
        """Read the calls of a completion; never raises on what a model wrote."""
        text = completion.text
        if len(text) > jsontext.MAX_LENGTH:
            return Reading(attempted=True, error=f"longer than {jsontext.MAX_LENGTH} characters")
        text = jsontext.without_thinking(text)
        attempted = _OPEN in text
        named = frozenset() if attempted else jsontext.named_in(text)
        calls: list[Call] = []
        outside: list[str] = []
        error: str | None = None
        for piece, body, closed in _blocks(text, strict):
            outside.append(piece)
            if body is None:
                if attempted and piece.strip():
                    error = error or "there is text after the last call"
                continue
            try:
                if strict and not closed:
                    raise ValueError(f"{_OPEN} is not closed")
                if strict and jsontext.in_fence(piece):
                    raise ValueError("the call stands in a code fence")
                calls += [_strict_call(body)] if strict else lenient_calls(body)
            except ValueError as reason:
                error = error or str(reason)
        answer = "".join(outside)
        if _RESULT in answer:
            error = "it writes a tool result itself"
        if not strict and calls:
            error = None
        return Reading(tuple(calls), attempted, named, error, _answer(answer))
