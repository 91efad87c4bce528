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

import re
from collections.abc import Sequence
from typing import Any

from toolmark.benchmark.data.cases import Call
from toolmark.benchmark.dialects import json_in_text
from toolmark.benchmark.dialects.json_calls import ObjectForm
from toolmark.benchmark.dialects.json_in_text import decode_value
from toolmark.benchmark.dialects.literals import PYTHON, Unreadable, skip
from toolmark.benchmark.dialects.marked_calls import Marks
from toolmark.benchmark.dialects.parsing import Grammar, Rules
from toolmark.benchmark.dialects.tools_in_tags import RESULT, ToolsInTags

__all__ = ["READERS", "UNOPENED", "Hermes"]

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


def _value(text: str, start: int) -> tuple[Any, int, str | None]:
    """Decode the JSON value or the Python literal that begins at `start`.

    A lenient reading also accepts `true`, `false` and `null` in a Python literal.

    Returns:
        The value, the index after the value, and the first mistake that a lenient reading forgives.

    Raises:
        ValueError: The text is not JSON and not a Python literal.
    """
    try:
        return decode_value(text, start)
    except ValueError as error:
        mistakes: list[str] = []
        at = skip(text, start)
        if text[at : at + 1] not in ("{", "["):
            raise
        try:
            value, end = PYTHON.value(text, at, mistakes)
            json_in_text.check(value, strict=False)
        except Unreadable as reason:
            # The error is that of the JSON decoder. The index is that of the slower parser, which costs more effort.
            raise Unreadable(str(error), reason.at) from None
        try:
            json_in_text.check(value, strict=True)
        except ValueError as reason:
            mistakes.append(str(reason))
        return value, end, mistakes[0] if mistakes else None


_OPEN, _CLOSE = "<tool_call>", "</tool_call>"
_MARKS = Marks(_OPEN, _CLOSE, ObjectForm("name", "arguments"), _value)
READERS = {_OPEN: _MARKS.read}
"""The reader of each mark with which a call begins."""
UNOPENED = r"[}\]]\s*</tool_call>"
"""Pattern of the end of a call. See `toolmark.benchmark.dialects.parsing.Rules`."""
_GRAMMAR = Grammar(READERS, ("hermes",), Rules(RESULT, unopened=re.compile(UNOPENED)))


def _write_call(call: Call) -> str:
    body = json_in_text.dumps({"name": call.name, "arguments": dict(call.arguments)})
    return f"{_OPEN}\n{body}\n{_CLOSE}"


class Hermes(ToolsInTags):
    """The dialect of Hermes and Qwen: `<tool_call>{"name": …, "arguments": …}</tool_call>`."""

    name = "hermes"
    version = "1"
    grammar = _GRAMMAR
    template = _INSTRUCTIONS

    def write_calls(self, calls: Sequence[Call]) -> str:
        """Return the calls, one after the other."""
        return "\n".join(map(_write_call, calls))
