"""Parses values that are not written as JSON: Python's literals and FunctionGemma's brackets.

The parser takes linear time, limits the depth of nesting, stops at the end of the value, and returns only JSON values.
`ast.parse` is not used, because it has four disadvantages:

- `ast.parse` refuses arguments with names like `from` or `class`.
- `ast.parse` replaces some letters in names by other letters (Unicode's compatibility form).
- `ast.parse` warns of unknown escapes.
- `ast.parse` may run out of memory on the text of a model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from toolmark.benchmark.dialects import json_in_text

__all__ = ["Notation", "Unreadable", "expect", "skip"]

_BLANK = re.compile(r"\s*")
_NUMBER = re.compile(r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9_]*[1-9]")
_WORD = re.compile(r"[^\W\d]\w*")


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
    """Return the index after `mark`, which must stand at `at`. White-space may stand before `mark`.

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

    Attributes:
        string: Function that parses a string. The arguments are the text, the index of the string, and whether to read
            strictly. The function returns the value of the string and the index after the string. If no string begins
            at the index, the function returns None. If the string does not end, the function raises `Unreadable`.
        words: Words that stand for values. For example, `null` stands for None.
        brackets: The brackets of lists. The key is an opening bracket, and the value is the closing bracket.
        key: Pattern of keys without quotes in a mapping. None if all keys must be strings.
        trailing_comma: Whether a strict reading allows a comma after the last element.
    """

    string: Callable[[str, int, bool], tuple[str, int] | None]
    words: Mapping[str, Any]
    brackets: Mapping[str, str]
    key: re.Pattern[str] | None = None
    trailing_comma: bool = False

    def value(self, text: str, at: int, strict: bool, depth: int = 0) -> tuple[Any, int]:
        """Return the value that begins at `at`, and the index after the value. White-space before it is skipped.

        Raises:
            Unreadable: No value begins at `at`.
        """
        at = skip(text, at)
        if depth > json_in_text.MAX_DEPTH:
            raise Unreadable(f"nested deeper than {json_in_text.MAX_DEPTH} levels", at)
        if (string := self.string(text, at, strict)) is not None:
            return string
        mark = text[at : at + 1]
        if mark == "{":
            return self.mapping(text, at, strict, depth)
        if mark in self.brackets and mark:
            return self._list(text, at + 1, self.brackets[mark], strict, depth)
        if (number := _NUMBER.match(text, at)) and not text[number.end() : number.end() + 1].isalnum():
            return _number(number.group(), at), number.end()
        word = _WORD.match(text, at)
        if word is not None and word.group() in self.words:
            return self.words[word.group()], word.end()
        raise Unreadable("a value is not a literal", at)

    def mapping(self, text: str, at: int, strict: bool, depth: int = 0) -> tuple[dict[str, Any], int]:
        """Return the mapping whose opening brace is at `at`, and the index after the mapping.

        Raises:
            Unreadable: The mapping does not follow the notation.
        """
        fields: dict[str, Any] = {}
        at = skip(text, expect(text, at, "{"))
        while not text.startswith("}", at):
            name, at = self._key(text, at, strict)
            value, at = self.value(text, expect(text, at, ":"), strict, depth + 1)
            if strict and name in fields:
                raise Unreadable("a key is written twice", at)
            fields[name] = value
            at = skip(text, at)
            if not text.startswith("}", at):
                at = self._comma(text, at, "}", strict)
        return fields, at + 1

    def _comma(self, text: str, at: int, closing: str, strict: bool) -> int:
        """Return the index after the comma at `at` and after the white-space that follows."""
        following = skip(text, expect(text, at, ","))
        if strict and not self.trailing_comma and text.startswith(closing, following):
            raise Unreadable("there is no value after a comma", at)
        return following

    def _key(self, text: str, at: int, strict: bool) -> tuple[str, int]:
        if (string := self.string(text, at, strict)) is not None:
            return string
        name = self.key.match(text, at) if self.key is not None else None
        if name is None:
            raise Unreadable("a key is not a string", at)
        return name.group(), name.end()

    def _list(self, text: str, at: int, closing: str, strict: bool, depth: int) -> tuple[Any, int]:
        """Return the list whose first value is at `at`, and the index after the list.

        Round brackets around one value are not a list if there is no comma. For example, `(3)` is 3, and `(3,)` is [3].
        """
        values: list[Any] = []
        comma = False
        at = skip(text, at)
        while not text.startswith(closing, at):
            value, at = self.value(text, at, strict, depth + 1)
            values.append(value)
            at = skip(text, at)
            if not text.startswith(closing, at):
                comma = True
                at = self._comma(text, at, closing, strict)
        return (values[0] if closing == ")" and len(values) == 1 and not comma else values), at + 1
