"""The dialect `glm`: calls of GLM 4.5 and later, with one pair of elements for each argument.

A strict reading accepts a completion of this form: any text, then one or more calls, then only white-space. A call is

    <tool_call>NAME
    <arg_key>KEY</arg_key>
    <arg_value>VALUE</arg_value>
    </tool_call>

- A string stands as it is, without quotes and escapes. Every other value is JSON. The schema of the tool decides
  whether a text is a string or JSON.
- GLM 4.7 and later write the call on one line.

A lenient reading also accepts:

- text after the last call
- a missing `</arg_value>` before the next argument or before the end of the call
- a missing `</tool_call>` between two calls

Tools are shown as in the chat template of GLM-4.6 (https://huggingface.co/zai-org/GLM-4.6).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from toolmark.benchmark.data.cases import Call
from toolmark.benchmark.dialects.attempts import Attempt, Fault, Work
from toolmark.benchmark.dialects.elements import Elements, raw_text, writable
from toolmark.benchmark.dialects.marked_calls import spent
from toolmark.benchmark.dialects.parsing import Grammar, Rules
from toolmark.benchmark.dialects.scanner import Reader
from toolmark.benchmark.dialects.thinking import MARKS
from toolmark.benchmark.dialects.tools_in_tags import RESULT, ToolsInTags

__all__ = ["READERS", "UNOPENED", "Glm"]

_OPEN, _CLOSE = "<tool_call>", "</tool_call>"

_INSTRUCTIONS = """\
# Tools

You may call one or more functions to assist with the user query.

You are provided with function signatures within <tools></tools> XML tags:
<tools>
{tools}
</tools>

For each function call, output the function name and arguments within the following XML format:
<tool_call>{{function-name}}
<arg_key>{{arg-key-1}}</arg_key>
<arg_value>{{arg-value-1}}</arg_value>
<arg_key>{{arg-key-2}}</arg_key>
<arg_value>{{arg-value-2}}</arg_value>
...
</tool_call>"""

_HEAD = re.compile(r"\s{0,8}([^\s<>{}\[\]\"]{1,128})\s{0,8}(?=<arg_key>|</tool_call>)")
_ARGUMENT = r"<arg_key>(?P<key>[^<>\n]{1,256})</arg_key>\s{0,8}<arg_value>"
_ELEMENTS = Elements(
    argument=re.compile(_ARGUMENT),
    close="</arg_value>",
    follows=re.compile(r"\s{0,64}(?:<arg_key>|</tool_call>)"),
    end=_CLOSE,
    without_end=re.compile(rf"\s{{0,64}}<tool_call>{_HEAD.pattern}"),
    unclosed=re.compile(rf"\n?(?=</tool_call>\s{{0,64}}(?:<tool_call>|\Z)|{_ARGUMENT})"),
    opening=_OPEN,
)
_ANY = re.compile("|".join(re.escape(mark) for mark in (_OPEN, _CLOSE, *MARKS, *MARKS.values())))


def _read(text: str, start: int, work: Work) -> tuple[Attempt | None, int]:
    """Read the call after `<tool_call>`."""
    begin = start + len(_OPEN)
    head = _HEAD.match(text, begin)
    error = f"there is no name of a tool after {_OPEN}"
    if head is not None:
        faults: list[Fault] = []
        try:
            call, end = _ELEMENTS.read(text, head.end(), head[1], faults)
        except ValueError as reason:
            spent(reason, text, begin, work)
            error = str(reason)
        else:
            return Attempt([call], faults), end
    mark = _ANY.search(text, begin)
    stop = len(text) if mark is None else mark.end() if mark.group() == _CLOSE else mark.start()
    return Attempt(error=error, name=head[1] if head is not None else ""), stop


READERS: Mapping[str, Reader] = {_OPEN: _read}
"""The reader of each mark with which a call begins."""
UNOPENED = r"</arg_value>\s*</tool_call>"
"""Pattern of the end of a call. See `toolmark.benchmark.dialects.parsing.Rules`."""
_GRAMMAR = Grammar(READERS, ("glm",), Rules(RESULT, unopened=re.compile(UNOPENED)))


def _write_call(call: Call) -> str:
    arguments = "".join(
        f"<arg_key>{name}</arg_key>\n<arg_value>{raw_text(value)}</arg_value>\n"
        for name, value in call.arguments.items()
    )
    return f"{_OPEN}{call.name}\n{arguments}{_CLOSE}"


class Glm(ToolsInTags):
    """The dialect of GLM: `<tool_call>f<arg_key>a</arg_key><arg_value>1</arg_value></tool_call>`."""

    name = "glm"
    version = "1"
    grammar = _GRAMMAR
    template = _INSTRUCTIONS

    def write_calls(self, calls: Sequence[Call]) -> str:
        """Return the calls, one after the other.

        Raises:
            InputError: An argument contains text that looks like the end of the argument.
        """
        return writable("\n".join(map(_write_call, calls)), calls, self)
