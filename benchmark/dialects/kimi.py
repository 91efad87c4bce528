"""The dialect `kimi`: the calls of Kimi K2 and K3, in a section of calls.

A strict reading accepts a completion of this form: any text, then one section of calls, then only white-space. The
models write two forms:

- K2: `<|tool_calls_section_begin|>`, then `<|tool_call_begin|>functions.NAME:INDEX<|tool_call_argument_begin|>{…}
  <|tool_call_end|>` for each call, then `<|tool_calls_section_end|>`.
- K3: elements of the form `<|open|>tools<|sep|>…<|close|>tools<|sep|>`. A call is an element `call` with elements
  `argument`, which name the key and the type of a value.

A lenient reading also accepts other text in the section, a missing end of the section, a name without `functions.`, and
calls without a section.

In prompts, calls and tools are written in the form of K2, as in the chat template of Kimi-K2-Instruct
(https://huggingface.co/moonshotai/Kimi-K2-Instruct).
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from toolmark.benchmark.data.cases import Call, Message, Tool
from toolmark.benchmark.data.completions import UntypedCall
from toolmark.benchmark.dialects import json_in_text
from toolmark.benchmark.dialects.attempts import Attempt, Fault, Work
from toolmark.benchmark.dialects.deepseek import json_call
from toolmark.benchmark.dialects.elements import Elements
from toolmark.benchmark.dialects.parsing import Grammar, Rules
from toolmark.benchmark.dialects.scanner import Reader
from toolmark.benchmark.dialects.sections import Section
from toolmark.benchmark.dialects.text_dialect import TextDialect

__all__ = ["READERS", "Kimi"]

_BEGIN, _END = "<|tool_calls_section_begin|>", "<|tool_calls_section_end|>"
_OTHER_BEGIN = "<|tool_call_section_begin|>"
"""K2 sometimes writes this mark and its counterpart. vLLM's parser accepts them (`kimi_k2_tool_parser.py`)."""
_CALL, _ARGUMENTS, _CALL_END = "<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>"
_RESULT = "## Return of "


def _read_json(text: str, head: re.Match[str], faults: list[Fault]) -> tuple[Call | UntypedCall, int]:
    return json_call(text, head.end(), head[1], _CALL_END, faults, fenced=False)


def _value(opening: re.Match[str], text: str) -> Any:
    """Return the value of an argument. The opening mark names the type of the value."""
    return text if opening["type"] == "string" else json_in_text.loads(text, strict=True)


_ELEMENTS = Elements(
    argument=re.compile(r'<\|open\|>argument key="(?P<key>[^"\n]{1,256})" type="(?P<type>\w{1,16})"<\|sep\|>'),
    close="<|close|>argument<|sep|>",
    follows=re.compile(r"\s{0,64}(?:<\|open\|>argument |<\|close\|>call<\|sep\|>)"),
    end="<|close|>call<|sep|>",
    without_end=re.compile(r"\s{0,64}(?:<\|open\|>call |<\|close\|>tools<\|sep\|>)"),
    unclosed=re.compile(r"(?!)"),
    opening="<|open|>",
    value=_value,
)


def _read_element(text: str, head: re.Match[str], faults: list[Fault]) -> tuple[Call | UntypedCall, int]:
    call, end = _ELEMENTS.read(text, head.end(), html.unescape(head[1]), faults)
    arguments = {html.unescape(name): value for name, value in call.arguments.items()}
    return Call(name=call.name, arguments=arguments), end


_K2 = Section(
    opening=(_BEGIN, _OTHER_BEGIN),
    closing=re.compile(r"<\|tool_calls?_section_end\|>"),
    head=re.compile(
        rf"{re.escape(_CALL)}\s{{0,8}}(?:functions\.)?([^\s:<>]{{1,128}}?)(?::\d{{1,6}})?\s{{0,8}}{re.escape(_ARGUMENTS)}"
    ),
    read_call=_read_json,
    bare=_CALL,
)
_K3 = Section(
    opening=("<|open|>tools<|sep|>",),
    closing=re.compile(r"<\|close\|>tools<\|sep\|>"),
    head=re.compile(r'<\|open\|>call tool="([^"\n]{1,128})"[^<\n]{0,64}<\|sep\|>'),
    read_call=_read_element,
    bare="<|open|>call",
)


def _silent(mark: str) -> Reader:
    """Return a reader for a mark that belongs neither to a call nor to the words for the user."""

    def read(_: str, start: int, __: Work) -> tuple[Attempt | None, int]:
        return Attempt(silent=True), start + len(mark)

    return read


_FRAMES = tuple(f"<|{side}|>{name}<|sep|>" for side in ("open", "close") for name in ("response", "message"))
READERS: Mapping[str, Reader] = {**_K2.readers(), **_K3.readers(), **{mark: _silent(mark) for mark in _FRAMES}}
"""The reader of each mark with which calls begin, and of the marks around the words of Kimi K3."""
_GRAMMAR = Grammar(READERS, ("kimi",), Rules(re.compile(rf"^{_RESULT}", re.MULTILINE)))


class Kimi(TextDialect):
    """The dialect of Kimi: `<|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{…}<|tool_call_end|>`."""

    name = "kimi"
    version = "1"
    grammar = _GRAMMAR

    def instructions(self, tools: Sequence[Tool]) -> str:
        """Return the tools as a JSON list after `# Tools`."""
        return f"# Tools\n\n{json.dumps([tool.as_openai() for tool in tools], ensure_ascii=False)}"

    def write_calls(self, calls: Sequence[Call]) -> str:
        """Return the calls, with their numbers, inside the marks of a list of calls."""
        written = (
            f"{_CALL}functions.{call.name}:{number}{_ARGUMENTS}{json_in_text.dumps(dict(call.arguments))}{_CALL_END}"
            for number, call in enumerate(calls)
        )
        return f"{_BEGIN}{''.join(written)}{_END}"

    def write_result(self, message: Message) -> str:
        """Return the result after the name of its tool."""
        return f"{_RESULT}{message.name or 'the function'}\n{message.content}"
