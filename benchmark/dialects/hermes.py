"""The dialect `hermes`: JSON calls between `<tool_call>` tags. Nous Hermes and Qwen write calls in this form.

A strict reading accepts a completion of this form: any text, then one or more calls, then only white-space. A call is
`<tool_call>{"name": …, "arguments": {…}}</tool_call>`. The text between the tags is read as JSON if possible, otherwise
as a Python literal (`'name'`, `True`).
The original parser of the format tries both in this order (`validate_and_extract_tool_calls` in utils.py of
https://github.com/NousResearch/Hermes-Function-Calling, commit 02deb47).

A lenient reading also accepts:

- text after the last call
- code fences
- a missing closing tag
- several calls between one pair of tags
- the keys `tool_name`, `args` and `parameters`, and additional keys
- arguments as a JSON string

Tools are shown as in the chat templates of Qwen2.5 and Qwen3, because these models were trained with the templates.
See tokenizer_config.json at https://huggingface.co/Qwen/Qwen3-0.6B.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from toolmark.benchmark.data.cases import Call, Message, Tool
from toolmark.benchmark.data.completions import Completion, ParsedCompletion, Prompt
from toolmark.benchmark.dialects import BaseDialect, json_in_text
from toolmark.benchmark.dialects.json_calls import strict_call
from toolmark.benchmark.dialects.marked_calls import Markers, json_value
from toolmark.benchmark.dialects.parsing import parse_pieces
from toolmark.benchmark.dialects.plain_turns import content_and_calls, plain_turns
from toolmark.benchmark.dialects.pythonic import LITERALS

__all__ = ["Hermes"]

_INSTRUCTIONS = """\
# Tools

You may call one or more functions to assist with the user query.

You are provided with function signatures within <tools></tools> XML tags:
<tools>
{tools}
</tools>

For each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:
<tool_call>
{{"name": <function-name>, "arguments": <args-json-object>}}
</tool_call>"""


_PYTHON = replace(LITERALS, words={"True": True, "False": False, "None": None})


def _value(text: str, start: int, strict: bool) -> tuple[Any, int]:
    """Decode the JSON value or the Python literal that begins at `start`.

    In a lenient reading, the literal may contain `true`, `false` and `null`.

    Returns:
        The value, and the index after the value.

    Raises:
        ValueError: The text is not JSON and not a Python literal.
    """
    try:
        return json_value(text, start, strict)
    except ValueError as error:
        try:
            value, end = (_PYTHON if strict else LITERALS).value(text, start, strict)
            json_in_text.check(value, strict=strict)
        except ValueError:
            raise error from None
        if not isinstance(value, dict | list):
            raise
        return value, end


def _strict_calls(value: Any) -> Sequence[Call]:
    return [strict_call(value, "name", "arguments")]


_MARKERS = Markers("<tool_call>", "</tool_call>", _value, _strict_calls)


def _write_call(call: Call) -> str:
    body = json_in_text.dumps({"name": call.name, "arguments": dict(call.arguments)})
    return f"{_MARKERS.opening}\n{body}\n{_MARKERS.closing}"


def _write_assistant(message: Message) -> str:
    return content_and_calls(message.content, "\n".join(map(_write_call, message.tool_calls)))


def _write_result(message: Message) -> str:
    return f"<tool_response>\n{message.content}\n</tool_response>"


class Hermes(BaseDialect):
    """The dialect of Hermes and Qwen: `<tool_call>{"name": …, "arguments": …}</tool_call>`."""

    name = "hermes"
    version = "1"

    def render(self, messages: Sequence[Message], tools: Sequence[Tool]) -> Prompt:
        """Return plain turns. The tools are between `<tools>` tags at the end of the system turn."""
        lines = "\n".join(json.dumps(tool.as_openai(), ensure_ascii=False) for tool in tools)
        instructions = _INSTRUCTIONS.format(tools=lines) if tools else ""
        return plain_turns(messages, instructions, _write_assistant, _write_result)

    def parse(self, completion: Completion, *, strict: bool) -> ParsedCompletion:
        """Read the calls of a completion. No text of a model causes an exception."""
        return parse_pieces(completion, _MARKERS.pieces, strict=strict, result="<tool_response>")
