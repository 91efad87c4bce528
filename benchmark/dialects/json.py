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

from toolmark.benchmark.data.cases import Call, Tool
from toolmark.benchmark.dialects import json_in_text
from toolmark.benchmark.dialects.json_calls import ObjectForm
from toolmark.benchmark.dialects.parsing import Grammar, Rules
from toolmark.benchmark.dialects.text_dialect import TextDialect
from toolmark.benchmark.dialects.unmarked_calls import AHEAD, RESULT, UnmarkedObjects

__all__ = ["Json"]

_INSTRUCTIONS = """\
Tools, one JSON object a line:
{tools}
To call a tool, reply with {{"name": "NAME", "arguments": {{"ARGUMENT": "VALUE"}}}} and nothing after it.
When no tool is needed, none fits, or a required argument is not known, answer in plain words."""


def _write_call(call: Call) -> str:
    return json_in_text.dumps({"name": call.name, "arguments": dict(call.arguments)})


_CALLS = UnmarkedObjects(ObjectForm("name", "arguments", listed=True, marked=False, wrapper=True))
_GRAMMAR = Grammar(_CALLS.readers(), ("json",), Rules(RESULT), ahead=AHEAD)


class Json(TextDialect):
    """The dialect with `{"name": …, "arguments": {…}}` objects without tags."""

    name = "json"
    version = "2"
    grammar = _GRAMMAR

    def instructions(self, tools: Sequence[Tool]) -> str:
        """Return one line of JSON for each tool."""
        lines = (json.dumps(tool.shown(), ensure_ascii=False, separators=(",", ":")) for tool in tools)
        return _INSTRUCTIONS.format(tools="\n".join(lines))

    def write_calls(self, calls: Sequence[Call]) -> str:
        """Return one line for each call."""
        return "\n".join(map(_write_call, calls))
