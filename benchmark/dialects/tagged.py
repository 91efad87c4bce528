"""The dialect `tagged`: calls between `<tool_call>` tags, one compact JSON line a tool in the system turn.

Strict: any text, then one or more `<tool_call>{"tool_name": …, "args": {…}}</tool_call>`, then nothing but white-space.
Lenient also reads: text after the last call, code fences inside the tags, a missing closing tag at the end, several
calls between one pair of tags, `name`/`arguments`/`parameters` as keys, arguments as a JSON string, further keys.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
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
    body = json.dumps({"tool_name": call.name, "args": dict(call.arguments)}, ensure_ascii=False)
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


def _answer(text: str) -> str:
    _, opened, rest = text.partition(_ANSWER_OPEN)
    return (rest.partition(_ANSWER_CLOSE)[0] if opened else text).strip()


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
            return Reading(attempted=_OPEN in text, error=f"longer than {jsontext.MAX_LENGTH} characters")
        text = jsontext.without_thinking(text)
        attempted = _OPEN in text
        named = frozenset() if attempted else jsontext.named_in(text)
        before, *blocks = text.split(_OPEN)
        calls: list[Call] = []
        outside = [before]
        error = "it writes a tool result itself" if _RESULT in text else None
        for block in blocks:
            body, closed, after = block.partition(_CLOSE)
            outside.append(after)
            try:
                if strict and not closed:
                    raise ValueError(f"{_OPEN} is not closed")
                calls += [_strict_call(body)] if strict else lenient_calls(body)
            except ValueError as reason:
                error = error or str(reason)
        if blocks and outside[-1].strip():
            error = error or "there is text after the last call"
        if not strict and calls:
            error = None
        return Reading(tuple(calls), attempted, named, error, _answer("".join(outside)))
