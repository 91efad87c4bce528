"""The dialect `qwen_xml`: calls of Qwen3-Coder, Qwen3.5 and later, with one element for each argument.

A strict reading accepts a completion of this form: any text, then one or more calls, then only white-space. A call is

    <tool_call>
    <function=NAME>
    <parameter=KEY>
    VALUE
    </parameter>
    </function>
    </tool_call>

- A string stands as it is, without quotes and escapes. Every other value is JSON or a Python literal, for example
  `True` or `['a']`. The schema of the tool decides whether a text is a string or another value.
- The marks can also stand on one line.

A lenient reading also accepts:

- text after the last call
- a missing `<tool_call>` or `</tool_call>`, as Qwen3-Coder often writes its calls
- a missing `</function>` after an argument
- a missing `</parameter>` before the next argument or before the end of the call

Tools are shown as in the chat template of Qwen3-Coder (https://huggingface.co/Qwen/Qwen3-Coder-30B-A3B-Instruct), but
each tool is one line of JSON, as in the chat template of Qwen3.5.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from toolmark.benchmark.data.cases import Call
from toolmark.benchmark.data.completions import UntypedCall
from toolmark.benchmark.dialects.attempts import Attempt, Fault, Leniency, Work
from toolmark.benchmark.dialects.elements import Elements, raw_text, writable
from toolmark.benchmark.dialects.literals import skip
from toolmark.benchmark.dialects.marked_calls import spent
from toolmark.benchmark.dialects.parsing import Grammar, Rules
from toolmark.benchmark.dialects.scanner import Reader
from toolmark.benchmark.dialects.thinking import MARKS
from toolmark.benchmark.dialects.tools_in_tags import RESULT, ToolsInTags

__all__ = ["READERS", "QwenXml"]

_OPEN, _CLOSE, _FUNCTION = "<tool_call>", "</tool_call>", "<function="

_INSTRUCTIONS = """\
# Tools

You have access to the following functions:

<tools>
{tools}
</tools>

If you choose to call a function ONLY reply in the following format with NO suffix:

<tool_call>
<function=example_function_name>
<parameter=example_parameter_1>
value_1
</parameter>
<parameter=example_parameter_2>
This is the value for the second parameter
that can span
multiple lines
</parameter>
</function>
</tool_call>"""

_HEAD = re.compile(r"<function=([^<>\n]{1,128})>")
_ELEMENTS = Elements(
    argument=re.compile(r"<parameter=(?P<key>[^<>\n]{1,256})>"),
    close="</parameter>",
    follows=re.compile(r"\s{0,64}(?:<parameter=[^<>\n]{1,256}>|</function>)"),
    end="</function>",
    without_end=re.compile(
        r"\s{0,64}(?:</tool_call>\s{0,64}\Z|(?:(?:</tool_call>\s{0,64})?<tool_call>\s{0,64})?"
        r"<function=[^<>\n]{1,128}>\s{0,64}(?:<parameter=|</function>))"
    ),
    unclosed=re.compile(r"\n(?=<parameter=[^<>\n]{1,256}>\n)|\n?(?=</function>\s{0,64}</tool_call>)"),
    opening=_OPEN,
    lines=True,
)
_ANY = re.compile("|".join(re.escape(mark) for mark in (_OPEN, _CLOSE, *MARKS, *MARKS.values())))


def _read(text: str, start: int, work: Work) -> tuple[Attempt | None, int]:
    """Read the calls after `<tool_call>`."""
    return _calls(text, start + len(_OPEN), [], work)


def _read_bare(text: str, start: int, work: Work) -> tuple[Attempt | None, int]:
    """Read the call at `<function=` without `<tool_call>` before it."""
    if _HEAD.match(text, start) is None:
        return None, start + 1
    return _calls(text, start, [(Leniency.MARK_MISSING, f"{_OPEN} is missing")], work)


def _calls(text: str, begin: int, faults: list[Fault], work: Work) -> tuple[Attempt, int]:
    calls: list[Call | UntypedCall] = []
    at = skip(text, begin)
    while (head := _HEAD.match(text, at)) is not None:
        try:
            call, end = _ELEMENTS.read(text, head.end(), head[1], faults)
        except ValueError as error:
            spent(error, text, begin, work)
            return _failed(text, head.end(), Attempt(calls, faults, str(error), head[1]))
        calls.append(call)
        at = skip(text, end)
        if text.startswith(_CLOSE, at):
            if len(calls) > 1:
                faults.append((Leniency.SEVERAL, "there are several calls between one pair of marks"))
            return Attempt(calls, faults), at + len(_CLOSE)
        if not text.startswith(_FUNCTION, at):
            return Attempt(calls, [*faults, (Leniency.NOT_CLOSED, f"{_CLOSE} is missing")]), end
    error_text = f"there is no {_FUNCTION}NAME> after {_OPEN}"
    return _failed(text, begin, Attempt(calls, faults, error_text))


def _failed(text: str, begin: int, attempt: Attempt) -> tuple[Attempt, int]:
    """Return a failed attempt, and the index at which the attempt ends: the next mark."""
    mark = _ANY.search(text, begin)
    if mark is None:
        return attempt, len(text)
    return attempt, mark.end() if mark.group() == _CLOSE else mark.start()


READERS: Mapping[str, Reader] = {_OPEN: _read, _FUNCTION: _read_bare}
"""The reader of each mark with which a call begins."""
_GRAMMAR = Grammar(READERS, ("qwen_xml",), Rules(RESULT))


def _write_call(call: Call) -> str:
    arguments = "".join(
        f"<parameter={name}>\n{raw_text(value)}\n</parameter>\n" for name, value in call.arguments.items()
    )
    return f"{_OPEN}\n<function={call.name}>\n{arguments}</function>\n{_CLOSE}"


class QwenXml(ToolsInTags):
    """The dialect of Qwen3-Coder and Qwen3.5: `<function=f><parameter=a>1</parameter></function>` in `<tool_call>`."""

    name = "qwen_xml"
    version = "1"
    grammar = _GRAMMAR
    template = _INSTRUCTIONS

    def write_calls(self, calls: Sequence[Call]) -> str:
        """Return the calls, one after the other.

        Raises:
            InputError: An argument contains text that looks like the end of the argument.
        """
        return writable("\n".join(map(_write_call, calls)), calls, self)
