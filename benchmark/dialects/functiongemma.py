"""The dialect `functiongemma`: the calls of FunctionGemma, whose strings are between two `<escape>` tokens.

A strict reading accepts a completion of this form: any text, then one or more calls, then only white-space. A call is
`<start_function_call>call:NAME{KEY:VALUE,…}<end_function_call>`. A value is `<escape>text<escape>`, a number, `true`,
`false`, `null`, a list `[…]` or a mapping `{…}`. A key is a string or a text without quotes.

A lenient reading also accepts:

- text after the last call
- code fences
- a missing closing token
- strings in double quotes
- Python's `True`, `False` and `None`

The format is described at https://ai.google.dev/gemma/docs/functiongemma/formatting-and-best-practices.

- The sentence before the tools must not be changed, because the model was trained to call functions after it.
- Keys are written in alphabetical order, because the chat template sorts the keys.
- The token `<start_function_response>` ends a completion, because the application and not the model writes results.
- A string in this format cannot contain `<escape>` or the marks of a thought.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import Call, Message, Tool
from toolmark.benchmark.data.completions import Completion, ParsedCompletion, Prompt
from toolmark.benchmark.dialects import BaseDialect, json_in_text
from toolmark.benchmark.dialects.literals import Notation, Unreadable
from toolmark.benchmark.dialects.marked_calls import Markers
from toolmark.benchmark.dialects.parsing import parse_pieces
from toolmark.benchmark.dialects.plain_turns import content_and_calls, plain_turns
from toolmark.benchmark.dialects.thinking import MARKS

__all__ = ["FunctionGemma"]

_ESCAPE = "<escape>"
_TRIGGER = "You are a model that can do function calling with the following functions"
_RESULT = "<start_function_response>"

_NAME = re.compile(r"[^\s{}<>]{1,128}")
_HEAD = re.compile(rf"\s{{0,8}}call:({_NAME.pattern})\s{{0,8}}(?=\{{)")
_KEY = re.compile(r"[^\s:,{}\[\]<>\"]{1,256}")
_QUOTED = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_WORDS = {"true": True, "false": False, "null": None}


def _string(text: str, at: int, strict: bool) -> tuple[str, int] | None:
    if text.startswith(_ESCAPE, at):
        begin = at + len(_ESCAPE)
        end = text.find(_ESCAPE, begin)
        if end < 0:
            raise Unreadable(f"a string has no second {_ESCAPE}", len(text))
        return text[begin:end], end + len(_ESCAPE)
    if strict or not text.startswith('"', at):
        return None
    quoted = _QUOTED.match(text, at)
    if quoted is None:
        raise Unreadable("a string does not end", len(text))
    try:
        value = json_in_text.loads(quoted.group(), strict=False)
    except ValueError as error:
        raise Unreadable(str(error), quoted.end()) from None
    return str(value), quoted.end()


_STRICT = Notation(string=_string, words=_WORDS, brackets={"[": "]"}, key=_KEY)
_LENIENT = Notation(
    string=_string, words={**_WORDS, "True": True, "False": False, "None": None}, brackets={"[": "]"}, key=_KEY
)


def _read_call(text: str, start: int, strict: bool) -> tuple[Call, int]:
    """Return the call that begins at `start`, and the index after the call.

    Raises:
        ValueError: No call can be read at `start`.
    """
    head = _HEAD.match(text, start)
    if head is None:
        raise ValueError("there is no call:NAME{…} after <start_function_call>")
    arguments, end = (_STRICT if strict else _LENIENT).mapping(text, head.end(), strict)
    json_in_text.check(arguments, strict=strict)
    return Call(name=head.group(1), arguments=arguments), end


def _as_list(call: Call) -> Sequence[Call]:
    return [call]


def _search(body: str) -> Sequence[Call]:
    return [_read_call(json_in_text.unfenced(body), 0, False)[0]]


_MARKERS = Markers("<start_function_call>", "<end_function_call>", _read_call, _as_list, _as_list, _search)


def _checked(text: str, marks: Sequence[str]) -> str:
    """Return `text` unchanged. Raises `InputError` if `text` contains one of `marks`."""
    if mark := next((mark for mark in marks if mark in text), None):
        raise InputError(
            f"the dialect functiongemma cannot write {mark} inside {text!r:.200}",
            "Remove that case, or choose another dialect, for example --dialect tagged",
        )
    return text


def _escaped(text: str) -> str:
    return f"{_ESCAPE}{_checked(text, [_ESCAPE])}{_ESCAPE}"


def _write_key(key: str) -> str:
    return key if _KEY.fullmatch(key) else _escaped(key)


def _write_value(value: Any) -> str:
    if isinstance(value, str):
        return _escaped(value)
    if isinstance(value, Mapping):
        return _write_mapping(value)
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_write_value, value)) + "]"
    return json.dumps(value)


def _write_mapping(fields: Mapping[str, Any]) -> str:
    ordered = sorted(fields.items(), key=lambda field: field[0].lower())
    return "{" + ",".join(f"{_write_key(key)}:{_write_value(value)}" for key, value in ordered) + "}"


def _upper(schema: Any) -> Any:
    """Return a schema with the names of types in capitals, because the chat template writes them in capitals."""
    if isinstance(schema, list):
        return [_upper(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    return {key: _capitals(value) if key == "type" else _upper(value) for key, value in schema.items()}


def _capitals(kind: Any) -> Any:
    if isinstance(kind, list):
        return [_capitals(item) for item in kind]
    # A mapping here is the schema of a property with the name "type".
    return kind.upper() if isinstance(kind, str) else _upper(kind)


def _declaration(tool: Tool) -> str:
    body = f"{{description:{_escaped(tool.description)},parameters:{_write_mapping(_upper(tool.parameters))}}}"
    return f"<start_function_declaration>declaration:{tool.name}{body}<end_function_declaration>"


def _write_call(call: Call) -> str:
    if not _NAME.fullmatch(call.name):
        raise InputError(
            f"the dialect functiongemma cannot write a call of the tool {call.name!r}",
            "Choose another dialect, for example --dialect tagged",
        )
    body = _checked(_write_mapping(call.arguments), [*MARKS, *MARKS.values()])
    return f"{_MARKERS.opening}call:{call.name}{body}{_MARKERS.closing}"


def _write_assistant(message: Message) -> str:
    return content_and_calls(message.content, "".join(map(_write_call, message.tool_calls)))


def _write_result(message: Message) -> str:
    try:
        value = json_in_text.loads(message.content, strict=True)
    except ValueError:
        value = message.content
    fields = value if isinstance(value, dict) else {"value": value}
    return f"{_RESULT}response:{message.name or 'unknown'}{_write_mapping(fields)}<end_function_response>"


class FunctionGemma(BaseDialect):
    """The dialect of FunctionGemma: `<start_function_call>call:NAME{key:<escape>text<escape>}<end_function_call>`."""

    name = "functiongemma"
    version = "1"
    stops: Sequence[str] = (_RESULT,)

    def render(self, messages: Sequence[Message], tools: Sequence[Tool]) -> Prompt:
        """Return plain turns. The tools are declared at the end of the system turn.

        Raises:
            InputError: A string cannot be written in this dialect.
        """
        instructions = _TRIGGER + "".join(map(_declaration, tools)) if tools else ""
        return plain_turns(messages, instructions, _write_assistant, _write_result)

    def parse(self, completion: Completion, *, strict: bool) -> ParsedCompletion:
        """Read the calls of a completion. No text of a model causes an exception."""
        return parse_pieces(completion, _MARKERS.pieces, strict=strict, result=_RESULT)
