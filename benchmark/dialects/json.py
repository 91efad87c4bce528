"""The dialect `json`: a call is a JSON object without tags.

A strict reading accepts a completion of this form: any text, then calls, then only white-space. A call is
`{"name": …, "arguments": {…}}`.

- Several calls follow one another, or are in one array. The array can be in `{"tool_calls": [...]}`, as xLAM writes it.
- An object without the key `arguments` is an answer, not a call.

A lenient reading also accepts:

- text after the calls
- code fences
- other common names for the keys `name` and `arguments`
- arguments as a JSON string
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from toolmark.benchmark.data.cases import Call, Message, Tool
from toolmark.benchmark.data.completions import Completion, ParsedCompletion, Prompt
from toolmark.benchmark.dialects import BaseDialect, json_in_text
from toolmark.benchmark.dialects.json_calls import ObjectForm
from toolmark.benchmark.dialects.parsing import Grammar, Rules
from toolmark.benchmark.dialects.plain_turns import content_and_calls, plain_turns
from toolmark.benchmark.dialects.unmarked_calls import AHEAD, RESULT, UnmarkedObjects, write_result

__all__ = ["Json"]

_INSTRUCTIONS = """\
Tools, one JSON object a line:
{tools}
To call a tool, reply with {{"name": "NAME", "arguments": {{"ARGUMENT": "VALUE"}}}} and nothing after it.
When no tool is needed, none fits, or a required argument is not known, answer in plain words."""


def _write_call(call: Call) -> str:
    return json_in_text.dumps({"name": call.name, "arguments": dict(call.arguments)})


def _write_assistant(message: Message) -> str:
    return content_and_calls(message.content, "\n".join(map(_write_call, message.tool_calls)))


_CALLS = UnmarkedObjects(ObjectForm("name", "arguments", listed=True, marked=False, wrapper=True))
_GRAMMAR = Grammar(_CALLS.readers(), ("json",), Rules(RESULT), ahead=AHEAD)


class Json(BaseDialect):
    """The dialect with `{"name": …, "arguments": {…}}` objects without tags."""

    name = "json"
    version = "2"

    def render(self, messages: Sequence[Message], tools: Sequence[Tool]) -> Prompt:
        """Return plain turns. The tools are listed at the end of the system turn."""
        lines = (json.dumps(tool.shown(), ensure_ascii=False, separators=(",", ":")) for tool in tools)
        instructions = _INSTRUCTIONS.format(tools="\n".join(lines)) if tools else ""
        return plain_turns(messages, instructions, _write_assistant, write_result)

    def parse(self, completion: Completion, *, strict: bool) -> ParsedCompletion:
        """Read the calls of a completion. No text of a model causes an exception."""
        return _GRAMMAR.parse(completion, strict=strict)
