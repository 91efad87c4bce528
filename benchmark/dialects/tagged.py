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
from toolmark.benchmark.data.completions import Completion, ParsedCompletion, Prompt
from toolmark.benchmark.dialects import BaseDialect, json_in_text
from toolmark.benchmark.dialects.json_calls import ObjectForm
from toolmark.benchmark.dialects.marked_calls import Marks
from toolmark.benchmark.dialects.parsing import Grammar, Rules
from toolmark.benchmark.dialects.plain_turns import content_and_calls, plain_turns

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


def _write_assistant(message: Message) -> str:
    calls = "\n".join(_write_call(call) for call in message.tool_calls)
    if calls:
        return content_and_calls(message.content, calls)
    return f"{_ANSWER_OPEN}{message.content}{_ANSWER_CLOSE}"


def _write_result(message: Message) -> str:
    return f"{_RESULT}{message.content}</tool_result>"


def _answer(text: str) -> str:
    before, _, rest = text.partition(_ANSWER_OPEN)
    inside, _, after = rest.partition(_ANSWER_CLOSE)
    return inside.strip() or (before + after).strip()


_MARKS = Marks(_OPEN, _CLOSE, ObjectForm("tool_name", "args"))
_GRAMMAR = Grammar({_OPEN: _MARKS.read}, ("hermes",), Rules(re.compile(re.escape(_RESULT)), answer=_answer))


class Tagged(BaseDialect):
    """The default dialect: `<tool_call>{"tool_name": …, "args": {…}}</tool_call>`."""

    name = "tagged"
    version = "1"

    def render(self, messages: Sequence[Message], tools: Sequence[Tool]) -> Prompt:
        """Return plain turns. The tools are listed at the end of the system turn."""
        instructions = _INSTRUCTIONS.format(tools="\n".join(map(_tool_line, tools))) if tools else ""
        return plain_turns(messages, instructions, _write_assistant, _write_result)

    def parse(self, completion: Completion, *, strict: bool) -> ParsedCompletion:
        """Read the calls of a completion. No text of a model causes an exception."""
        return _GRAMMAR.parse(completion, strict=strict)
