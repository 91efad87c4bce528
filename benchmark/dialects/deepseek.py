"""The dialect `deepseek`: the calls of DeepSeek V3 to V4.1, in a section of calls.

A strict reading accepts a completion of this form: any text, then one section of calls, then only white-space. The
models write four forms:

- V3: `<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>NAME`, then the arguments in a fence
  ```` ```json ````, then `<｜tool▁call▁end｜>`; `<｜tool▁calls▁end｜>` ends the section.
- V3.1: the marks of V3, but `NAME<｜tool▁sep｜>{…}` without a fence.
- V3.2 and V4: `<｜DSML｜function_calls>` (V4: `tool_calls`) with elements `<｜DSML｜invoke name="NAME">` and
  `<｜DSML｜parameter name="KEY" string="true">VALUE</｜DSML｜parameter>`. With `string="false"`, the value is JSON.
- V4.1: as V4, but with a space after each `｜DSML｜`, and with `calls` instead of `tool_calls`.

A lenient reading also accepts:

- other text in the section
- a missing end of the section
- calls without a section
- in the form of V3, a fence of another language, or no fence

In prompts, calls and tools are written in the form of V3.1, as in the chat template of DeepSeek-V3.1
(https://huggingface.co/deepseek-ai/DeepSeek-V3.1), because this form is the shortest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from toolmark.benchmark.data.cases import Call, Message, Tool
from toolmark.benchmark.data.completions import UntypedCall
from toolmark.benchmark.dialects import json_in_text
from toolmark.benchmark.dialects.attempts import Fault, Leniency
from toolmark.benchmark.dialects.elements import Elements
from toolmark.benchmark.dialects.literals import skip
from toolmark.benchmark.dialects.parsing import Grammar, Rules
from toolmark.benchmark.dialects.scanner import Reader
from toolmark.benchmark.dialects.sections import Section
from toolmark.benchmark.dialects.text_dialect import TextDialect

__all__ = ["READERS", "DeepSeek"]

_BEGIN, _END = "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"
_CALL, _SEPARATOR, _CALL_END = "<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>"
_RESULT, _RESULT_END = "<｜tool▁output▁begin｜>", "<｜tool▁output▁end｜>"

_INSTRUCTIONS = """\
## Tools
You have access to the following tools:

{tools}

IMPORTANT: ALWAYS adhere to this exact format for tool use:
<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>tool_call_name<｜tool▁sep｜>tool_call_arguments<｜tool▁call▁end｜>\
{{additional_tool_calls}}<｜tool▁calls▁end｜>

Where:
- `tool_call_name` must be an exact match to one of the available tools
- `tool_call_arguments` must be valid JSON that strictly follows the tool's Parameters Schema
- For multiple tool calls, chain them directly without separators or spaces"""

_FENCE = re.compile(r"\s{0,8}```(json)?\w{0,16}\s{0,8}")
_V3_ARGUMENTS = r"\s{0,8}(?:```\w{0,16}\s{0,8})?\{"
"""Pattern of the beginning of the arguments in the form of V3, after the name."""
_FENCE_END = re.compile(r"\s{0,8}```\s{0,8}")


def json_call(
    text: str, begin: int, name: str, end_mark: str, faults: list[Fault], *, fenced: bool
) -> tuple[Call, int]:
    """Return the call whose JSON arguments are at `begin`, and the index after the mark `end_mark`.

    Args:
        text: The text of the completion.
        begin: Index of the arguments.
        name: Name of the tool.
        end_mark: The mark after the call.
        faults: A list. The mistakes that a lenient reading forgives are added to this list.
        fenced: Whether a code fence around the arguments is right.

    Raises:
        ValueError: The arguments cannot be read.
    """
    fence = _FENCE.match(text, begin) if fenced else None
    if fence is not None and not fence[1]:
        faults.append((Leniency.CODE_FENCE, "the arguments are in another code fence"))
    arguments, end, fault = json_in_text.decode_value(text, begin if fence is None else fence.end())
    if not isinstance(arguments, dict):
        raise ValueError("the arguments are not a JSON object")
    if fault is not None:
        faults.append((Leniency.VALUE, fault))
    closing = _FENCE_END.match(text, end) if fence is not None else None
    end = skip(text, end if closing is None else closing.end())
    if text.startswith(end_mark, end):
        return Call(name=name, arguments=arguments), end + len(end_mark)
    faults.append((Leniency.NOT_CLOSED, f"{end_mark} is missing"))
    return Call(name=name, arguments=arguments), end


def _read_json(text: str, head: re.Match[str], faults: list[Fault]) -> tuple[Call | UntypedCall, int]:
    if head[2] is None and _FENCE.match(text, head.end()) is None:
        faults.append((Leniency.CODE_FENCE, "the arguments are not in a code fence"))
    return json_call(text, head.end(), head[1], _CALL_END, faults, fenced=True)


def _value(opening: re.Match[str], text: str) -> Any:
    """Return the value of a parameter. The opening mark says whether the value is a string."""
    return text if opening["string"] == "true" else json_in_text.loads(text, strict=True)


def _markup(space: str, sections: tuple[str, ...]) -> Section:
    """Return the section whose marks contain `｜DSML｜`. The text `space` follows each `｜DSML｜`."""
    mark = f"｜DSML｜{space}"
    elements = Elements(
        argument=re.compile(rf'<{mark}parameter name="(?P<key>[^"\n]{{1,256}})" string="(?P<string>true|false)">'),
        close=f"</{mark}parameter>",
        follows=re.compile(rf"\s{{0,64}}(?:<{mark}parameter |</{mark}invoke>)"),
        end=f"</{mark}invoke>",
        without_end=re.compile(rf"\s{{0,64}}(?:<{mark}invoke |</{mark}(?:{'|'.join(sections)})>)"),
        unclosed=re.compile(r"(?!)"),
        opening="<｜DSML｜",
        value=_value,
    )

    def read(text: str, head: re.Match[str], faults: list[Fault]) -> tuple[Call | UntypedCall, int]:
        if head[2]:  # A call without arguments: `<｜DSML｜invoke name="f"/>`
            return Call(name=head[1]), head.end()
        return elements.read(text, head.end(), head[1], faults)

    return Section(
        opening=tuple(f"<{mark}{section}>" for section in sections),
        closing=re.compile("|".join(f"</{mark}{section}>" for section in sections)),
        head=re.compile(rf'<{mark}invoke name="([^"\n]{{1,128}})"(/)?>'),
        read_call=read,
        bare=f"<{mark}invoke",
    )


_JSON = Section(
    opening=(_BEGIN,),
    closing=re.compile(_END),
    head=re.compile(
        rf"{_CALL}(?:function{_SEPARATOR}(?=[^<>\s`{{}}\"]{{1,128}}{_V3_ARGUMENTS}))?"
        rf"([^<>\s`{{}}\"]{{1,128}})(?:({_SEPARATOR})|(?={_V3_ARGUMENTS}))"
    ),
    read_call=_read_json,
    bare=_CALL,
)
_MARKUP = _markup("", ("function_calls", "tool_calls"))
_SPACED = _markup(" ", ("calls", "function_calls", "tool_calls"))
READERS: Mapping[str, Reader] = {**_JSON.readers(), **_MARKUP.readers(), **_SPACED.readers()}
"""The reader of each mark with which calls begin."""
_GRAMMAR = Grammar(READERS, ("deepseek",), Rules(re.compile(_RESULT)))


def _declaration(tool: Tool) -> str:
    parameters = json.dumps(tool.parameters, ensure_ascii=False)
    return f"### {tool.name}\nDescription: {tool.description}\n\nParameters: {parameters}"


def _write_call(call: Call) -> str:
    return f"{_CALL}{call.name}{_SEPARATOR}{json_in_text.dumps(dict(call.arguments))}{_CALL_END}"


class DeepSeek(TextDialect):
    """The dialect of DeepSeek: `<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{…}<｜tool▁call▁end｜>…`."""

    name = "deepseek"
    version = "1"
    grammar = _GRAMMAR

    def instructions(self, tools: Sequence[Tool]) -> str:
        """Return a section for each tool."""
        return _INSTRUCTIONS.format(tools="\n\n".join(map(_declaration, tools)))

    def write_calls(self, calls: Sequence[Call]) -> str:
        """Return the calls inside the marks of a list of calls."""
        return f"{_BEGIN}{''.join(map(_write_call, calls))}{_END}"

    def write_result(self, message: Message) -> str:
        """Return the result between marks."""
        return f"{_RESULT}{message.content}{_RESULT_END}"
