"""The dialect `tagged`: calls are between `<tool_call>` tags. Each tool is one line of JSON in the system turn.

A strict reading accepts a completion of this form: any text, then one or more calls, then only white-space. A call is
`<tool_call>{"tool_name": …, "args": {…}}</tool_call>`. A lenient reading also accepts:

- text after the last call
- code fences
- a missing closing tag
- several calls between one pair of tags
- the keys `name`, `arguments` and `parameters`, and additional keys
- arguments as a JSON string
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from toolmark.benchmark.data.cases import Call, Message, Tool
from toolmark.benchmark.dialects import json_in_text
from toolmark.benchmark.dialects.hermes import UNOPENED
from toolmark.benchmark.dialects.json_calls import ObjectForm
from toolmark.benchmark.dialects.marked_calls import Marks
from toolmark.benchmark.dialects.parsing import Grammar, Rules
from toolmark.benchmark.dialects.text_dialect import TextDialect

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
    body = json_in_text.dumps({"tool_name": call.name, "args": dict(call.arguments)})
    return f"{_OPEN}{body}{_CLOSE}"


def _answer(text: str) -> str:
    before, _, rest = text.partition(_ANSWER_OPEN)
    inside, _, after = rest.partition(_ANSWER_CLOSE)
    return inside.strip() or (before + after).strip()


_MARKS = Marks(_OPEN, _CLOSE, ObjectForm("tool_name", "args"))
_RULES = Rules(re.compile(re.escape(_RESULT)), answer=_answer, unopened=re.compile(UNOPENED))
_GRAMMAR = Grammar({_OPEN: _MARKS.read}, ("hermes",), _RULES)


class Tagged(TextDialect):
    """The default dialect: `<tool_call>{"tool_name": …, "args": {…}}</tool_call>`."""

    name = "tagged"
    version = "1"
    grammar = _GRAMMAR

    def instructions(self, tools: Sequence[Tool]) -> str:
        """Return one line for each tool."""
        return _INSTRUCTIONS.format(tools="\n".join(map(_tool_line, tools)))

    def write_calls(self, calls: Sequence[Call]) -> str:
        """Return one line for each call."""
        return "\n".join(map(_write_call, calls))

    def write_reply(self, message: Message) -> str:
        """Return the content and the calls, or a marked answer if there is no call."""
        if message.tool_calls:
            return super().write_reply(message)
        return f"{_ANSWER_OPEN}{message.content}{_ANSWER_CLOSE}"

    def write_result(self, message: Message) -> str:
        """Return the result between tags."""
        return f"{_RESULT}{message.content}</tool_result>"
