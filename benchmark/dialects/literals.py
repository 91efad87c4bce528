"""Parses values that are not written as JSON: Python's literals, and the brackets of Gemma's call format.

The parser takes linear time, limits the depth of nesting, stops at the end of the value, and returns only JSON values.
`ast.parse` is not used, because it has four disadvantages:

- `ast.parse` refuses arguments with names like `from` or `class`.
- `ast.parse` replaces some letters in names by other letters (Unicode's compatibility form).
- `ast.parse` warns of unknown escapes.
- `ast.parse` can run out of memory on the text of a model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from toolmark.benchmark.dialects import json_in_text

__all__ = ["PYTHON", "Notation", "Unreadable", "expect", "skip"]

_BLANK = re.compile(r"\s*")
_NUMBER = re.compile(r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9_]*[1-9]")
_WORD = re.compile(r"[^\W\d]\w*")

_PLAIN = re.compile(r""""([^"\\\n]*+)"(?!")|'([^'\\\n]*+)'(?!')""")
_STRING = {
    mark: re.compile(rf"{mark}([^{mark[0]}\\]*(?:(?:\\.|{inner})[^{mark[0]}\\]*)*){mark}", re.DOTALL)
    for mark, inner in (
        ('"""', '"(?!"")'),
        ("'''", "'(?!'')"),
        ('"', r"(?!)"),
        ("'", r"(?!)"),
    )
}
_ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{1,3})|([\\'\"abfnrtv\n]))", re.DOTALL
)
_SHORT = dict(zip("\\'\"abfnrtv\n", "\\'\"\a\b\f\n\r\t\v", strict=False)) | {"\n": ""}


class Unreadable(ValueError):
    """The text does not follow the notation.

    Attributes:
        at: Index in the text at which the parser stopped.
    """

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


def skip(text: str, at: int) -> int:
    """Return the index of the first character at or after `at` that is not white-space."""
    if not text[at : at + 1].isspace():
        return at
    match = _BLANK.match(text, at)
    return match.end() if match else at


def expect(text: str, at: int, mark: str) -> int:
    """Return the index after `mark`, which must stand at `at`. White-space before `mark` is skipped.

    Raises:
        Unreadable: Another text stands at `at`.
    """
    at = skip(text, at)
    if not text.startswith(mark, at):
        raise Unreadable(f"{mark!r} is missing", at)
    return at + len(mark)


def _number(token: str, at: int) -> int | float:
    try:
        if token.isdecimal() and token[0] != "0":  # Most numbers have this form, so it is tested first.
            return int(token)
        if any(mark in token for mark in ".eE"):
            return float(token)
        if _LEADING_ZERO.match(token):
            raise ValueError("a number begins with 0")
        return int(token)
    except ValueError as error:
        raise Unreadable(str(error), at) from None


@dataclass(frozen=True)
class Notation:
    """A notation of values, for example Python's literals.

    The methods append the mistakes that a lenient reading forgives to the list `mistakes`, as sentences.

    Attributes:
        string: Function that parses a string. The arguments are the text, the index of the string, and the mistakes.
            The function returns the value of the string and the index after the string. If no string begins at the
            index, the function returns None. If the string does not end, the function raises `Unreadable`.
        words: Words that stand for values. For example, `null` stands for None.
        brackets: The brackets of lists. The key is an opening bracket, and the value is the closing bracket.
        key: Pattern of keys without quotes in a mapping. None if all keys must be strings.
        trailing_comma: Whether a strict reading allows a comma after the last element.
        other_words: Words that only a lenient reading accepts.
        json_inside: Whether each JSON list or mapping means the same in this notation as in JSON.
    """

    string: Callable[[str, int, list[str]], tuple[str, int] | None]
    words: Mapping[str, Any]
    brackets: Mapping[str, str]
    key: re.Pattern[str] | None = None
    trailing_comma: bool = False
    other_words: Mapping[str, Any] = field(default_factory=dict)
    json_inside: bool = False

    def value(self, text: str, at: int, mistakes: list[str], depth: int = 0) -> tuple[Any, int]:
        """Return the value that begins at `at`, and the index after the value. White-space before the value is skipped.

        Raises:
            Unreadable: No value begins at `at`.
        """
        at = skip(text, at)
        if depth > json_in_text.MAX_DEPTH:
            raise Unreadable(f"a value is nested deeper than {json_in_text.MAX_DEPTH} levels", at)
        if (string := self.string(text, at, mistakes)) is not None:
            return string
        mark = text[at : at + 1]
        if mark == "{":
            return self._json(text, at, depth) or self.mapping(text, at, mistakes, depth)
        if mark in self.brackets and mark:
            return self._json(text, at, depth) or self._list(text, at + 1, self.brackets[mark], mistakes, depth)
        if (number := _NUMBER.match(text, at)) and not text[number.end() : number.end() + 1].isalnum():
            return _number(number.group(), at), number.end()
        word = _WORD.match(text, at)
        if word is not None:
            if word.group() in self.words:
                return self.words[word.group()], word.end()
            if word.group() in self.other_words:
                mistakes.append(f"{word.group()} is not a word of this notation")
                return self.other_words[word.group()], word.end()
        raise Unreadable("a value is not a literal", at)

    def _json(self, text: str, at: int, depth: int) -> tuple[Any, int] | None:
        """Return the list or mapping at `at` if it is JSON, otherwise None. The JSON decoder is much faster."""
        if not self.json_inside or depth or json_in_text.START.match(text, at) is None:
            return None
        try:
            return json_in_text.decode(text, at, strict=True)
        except ValueError:
            return None

    def mapping(self, text: str, at: int, mistakes: list[str], depth: int = 0) -> tuple[dict[str, Any], int]:
        """Return the mapping whose opening brace is at `at`, and the index after the mapping.

        Raises:
            Unreadable: The mapping does not follow the notation.
        """
        fields: dict[str, Any] = {}
        at = skip(text, expect(text, at, "{"))
        while not text.startswith("}", at):
            name, at = self._key(text, at, mistakes)
            value, at = self.value(text, expect(text, at, ":"), mistakes, depth + 1)
            if name in fields:
                mistakes.append("a key is written twice")
            fields[name] = value
            at = skip(text, at)
            if not text.startswith("}", at):
                at = self._comma(text, at, "}", mistakes)
        return fields, at + 1

    def _comma(self, text: str, at: int, closing: str, mistakes: list[str]) -> int:
        """Return the index after the comma at `at` and after the white-space that follows."""
        following = skip(text, expect(text, at, ","))
        if not self.trailing_comma and text.startswith(closing, following):
            mistakes.append("there is no value after a comma")
        return following

    def _key(self, text: str, at: int, mistakes: list[str]) -> tuple[str, int]:
        if (string := self.string(text, at, mistakes)) is not None:
            return string
        name = self.key.match(text, at) if self.key is not None else None
        if name is None:
            raise Unreadable("a key is not a string", at)
        return name.group(), name.end()

    def _list(self, text: str, at: int, closing: str, mistakes: list[str], depth: int) -> tuple[Any, int]:
        """Return the list whose first value is at `at`, and the index after the list.

        Round brackets around one value are not a list if there is no comma. For example, `(3)` is 3, and `(3,)` is [3].
        """
        values: list[Any] = []
        comma = False
        at = skip(text, at)
        while not text.startswith(closing, at):
            value, at = self.value(text, at, mistakes, depth + 1)
            values.append(value)
            at = skip(text, at)
            if not text.startswith(closing, at):
                comma = True
                at = self._comma(text, at, closing, mistakes)
        return (values[0] if closing == ")" and len(values) == 1 and not comma else values), at + 1


def _unescaped(match: re.Match[str]) -> str:
    two, four, eight, octal, short = match.groups()
    if short is not None:
        return _SHORT[short]
    if octal is not None:
        return chr(int(octal, 8))
    code = int(two or four or eight, 16)
    if code > 0x10FFFF:
        raise Unreadable("an escape in a string stands for a character that Unicode does not have", match.start())
    return chr(code)


def _python_string(text: str, at: int, mistakes: list[str]) -> tuple[str, int] | None:
    mark = text[at : at + 1]
    if mark not in ("'", '"'):
        return None
    if (plain := _PLAIN.match(text, at)) is not None:
        return plain[plain.lastindex or 0], plain.end()
    if text.startswith(mark * 3, at):
        mark *= 3
    string = _STRING[mark].match(text, at)
    if string is None:
        raise Unreadable("a string does not end", len(text))
    inside = string.group(1)
    if len(mark) == 1 and "\n" in inside.replace("\\\n", ""):
        mistakes.append("a string has a line break")
    return _ESCAPE.sub(_unescaped, inside) if "\\" in inside else inside, string.end()


PYTHON = Notation(
    string=_python_string,
    words={"True": True, "False": False, "None": None},
    other_words={"true": True, "false": False, "null": None},
    brackets={"[": "]", "(": ")"},
    trailing_comma=True,
    json_inside=True,
)
"""Python's literals. A tuple is read as a list."""
