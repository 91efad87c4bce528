"""The call format of FunctionGemma and Gemma 4: `call:NAME{KEY:VALUE,…}`, with a token around each string.

A value is a string between two string tokens, a number, `true`, `false`, `null`, a list `[…]` or a mapping `{…}`. A key
is a string or a text without quotes. Keys are written in alphabetical order, because the chat templates sort them.
A string in this format cannot contain the string token.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import Call, Tool
from toolmark.benchmark.dialects import json_in_text
from toolmark.benchmark.dialects.attempts import Attempt, Fault, Leniency, Work
from toolmark.benchmark.dialects.literals import Notation, Unreadable
from toolmark.benchmark.dialects.marked_calls import spent
from toolmark.benchmark.dialects.thinking import MARKS

__all__ = ["BracketCalls"]

_NAME = re.compile(r"[^\s{}<>]{1,128}")
_HEAD = re.compile(rf"(\s*```\w*)?\s{{0,8}}call:({_NAME.pattern})\s{{0,8}}(?=\{{)")
_NAMED = re.compile(rf"\s*call:({_NAME.pattern})")
_NOT_BLANK = re.compile(r"\S")
_FENCE_END = re.compile(r"\s*```")
_QUOTED = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_WORDS = {"true": True, "false": False, "null": None}
_PYTHON = {"True": True, "False": False, "None": None}


def _string_reader(token: str) -> Callable[[str, int, list[str]], tuple[str, int] | None]:
    def read(text: str, at: int, mistakes: list[str]) -> tuple[str, int] | None:
        if text.startswith(token, at):
            begin = at + len(token)
            end = text.find(token, begin)
            if end < 0:
                raise Unreadable(f"a string has no second {token}", len(text))
            return text[begin:end], end + len(token)
        if not text.startswith('"', at):
            return None
        quoted = _QUOTED.match(text, at)
        if quoted is None:
            raise Unreadable("a string does not end", len(text))
        try:
            value = json_in_text.loads(quoted.group(), strict=False)
        except ValueError as error:
            raise Unreadable(str(error), quoted.end()) from None
        mistakes.append("a string is in quotation marks")
        return str(value), quoted.end()

    return read


@dataclass(frozen=True)
class BracketCalls:
    """The tokens of a model that writes calls in this format.

    Attributes:
        dialect: Name of the dialect, for error messages.
        opening: The token before a call.
        closing: The token after a call.
        string: The token before and after a string.
        key: Pattern of a key without quotes.
    """

    dialect: str
    opening: str
    closing: str
    string: str
    key: re.Pattern[str]
    _notation: Notation = field(init=False, repr=False)
    _any: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        notation = Notation(
            _string_reader(self.string), words=_WORDS, other_words=_PYTHON, brackets={"[": "]"}, key=self.key
        )
        marks = (self.opening, self.closing, *MARKS, *MARKS.values())
        object.__setattr__(self, "_notation", notation)
        object.__setattr__(self, "_any", re.compile("|".join(map(re.escape, marks))))

    def read(self, text: str, start: int, work: Work) -> tuple[Attempt | None, int]:
        """Read the call whose opening token is at `start`. See `toolmark.benchmark.dialects.scanner.Reader`."""
        begin = start + len(self.opening)
        faults: list[Fault] = []
        try:
            call, end = self._call(text, begin, faults)
        except ValueError as error:
            spent(error, text, begin, work)
            named = _NAMED.match(text, begin)
            mark = self._any.search(text, begin)
            stop = len(text) if mark is None else mark.start()
            if mark is not None and mark.group() == self.closing:
                stop = mark.end()
            return Attempt(error=str(error), name=named[1] if named is not None else ""), stop
        following = _NOT_BLANK.search(text, end)
        if following is not None and text.startswith(self.closing, following.start()):
            return Attempt([call], faults), following.start() + len(self.closing)
        return Attempt([call], [*faults, (Leniency.NOT_CLOSED, f"{self.closing} is missing")]), end

    def _call(self, text: str, start: int, faults: list[Fault]) -> tuple[Call, int]:
        """Return the call that begins at `start`, and the index after the call.

        Raises:
            ValueError: No call can be read at `start`.
        """
        head = _HEAD.match(text, start)
        if head is None:
            raise Unreadable(f"there is no call:NAME{{…}} after {self.opening}", start)
        mistakes: list[str] = []
        arguments, end = self._notation.mapping(text, head.end(), mistakes)
        if head[1] is not None:
            faults.append((Leniency.CODE_FENCE, "the call is in a code fence"))
            closing = _FENCE_END.match(text, end)
            end = end if closing is None else closing.end()
        try:
            json_in_text.check(arguments, strict=True)
        except ValueError as error:
            json_in_text.check(arguments, strict=False)
            mistakes.append(str(error))
        if mistakes:
            faults.append((Leniency.VALUE, mistakes[0]))
        return Call(name=head[2], arguments=arguments), end

    def escaped(self, text: str) -> str:
        """Return `text` between two string tokens.

        Raises:
            InputError: The text contains the string token.
        """
        if self.string in text:
            raise InputError(
                f"the dialect {self.dialect} cannot write {self.string} inside {text!r:.200}",
                "Remove that case, or choose another dialect, for example --dialect tagged",
            )
        return f"{self.string}{text}{self.string}"

    def value(self, value: Any) -> str:
        """Return a JSON value in this format. Raises `InputError` if a string cannot be written."""
        if isinstance(value, str):
            return self.escaped(value)
        if isinstance(value, Mapping):
            return self.mapping(value)
        if isinstance(value, list | tuple):
            return "[" + ",".join(map(self.value, value)) + "]"
        return json.dumps(value)

    def mapping(self, fields: Mapping[str, Any]) -> str:
        """Return an object in this format, with sorted keys. Raises `InputError` if a string cannot be written."""
        ordered = sorted(fields.items(), key=lambda field: field[0].lower())
        return "{" + ",".join(f"{self._key(key)}:{self.value(value)}" for key, value in ordered) + "}"

    def _key(self, key: str) -> str:
        return key if self.key.fullmatch(key) and key == key.strip() else self.escaped(key)

    def call(self, call: Call) -> str:
        """Return a call between its tokens.

        Raises:
            InputError: The name of the tool or a string cannot be written.
        """
        if not _NAME.fullmatch(call.name):
            raise InputError(
                f"the dialect {self.dialect} cannot write a call of the tool {call.name!r}",
                "Choose another dialect, for example --dialect tagged",
            )
        return f"{self.opening}call:{call.name}{self.mapping(call.arguments)}{self.closing}"

    def result(self, name: str | None, content: str) -> str:
        """Return a tool result as `response:NAME{…}`. A result that is not a JSON object gets the key `value`."""
        try:
            value = json_in_text.loads(content, strict=True)
        except ValueError:
            value = content
        fields = value if isinstance(value, dict) else {"value": value}
        return f"response:{name or 'unknown'}{self.mapping(fields)}"

    def declaration(self, tool: Tool) -> str:
        """Return the declaration of a tool, with the names of types in capitals, as the chat templates write it."""
        body = f"{{description:{self.escaped(tool.description)},parameters:{self.mapping(_upper(tool.parameters))}}}"
        return f"declaration:{tool.name}{body}"


def _upper(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_upper(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    return {key: _capitals(value) if key == "type" else _upper(value) for key, value in schema.items()}


def _capitals(kind: Any) -> Any:
    if isinstance(kind, list):
        return [_capitals(item) for item in kind]
    # If `kind` is a mapping, it is the schema of a property that is called "type".
    return kind.upper() if isinstance(kind, str) else _upper(kind)
