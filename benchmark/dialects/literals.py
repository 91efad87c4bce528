"""Parses values in a notation that is not JSON: Python's literals and FunctionGemma's brackets.

This parser is used instead of `ast.parse`. It takes linear time, limits the depth, stops at the end of the value, and
makes JSON values only. `ast.parse` has four disadvantages:

- It refuses arguments that are called `from` or `class`.
- It changes names to Unicode's compatibility form.
- It warns of unknown escapes.
- It may run out of memory on the text of a model.
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
    """A value that does not follow the notation.

    Attributes:
        at: The index up to which the text was read.
    """

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


def skip(text: str, at: int) -> int:
    """Return the index of the first character, from `at` on, that is not white-space."""
    if not text[at : at + 1].isspace():
        return at
    match = _BLANK.match(text, at)
    return match.end() if match else at


def expect(text: str, at: int, mark: str) -> int:
    """Return the index after `mark`. Raises `Unreadable` if `mark` does not follow at `at`, after white-space."""
    at = skip(text, at)
    if not text.startswith(mark, at):
        raise Unreadable(f"{mark!r} is missing", at)
    return at + len(mark)


def _number(token: str, at: int) -> int | float:
    try:
        if token.isdecimal() and token[0] != "0":  # the most frequent form
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
    """The notation of values.

    Attributes:
        string: Parses the string that begins at an index, strictly or not. Returns the value of the string and the
            index after the string, or None if no string begins there. Raises `Unreadable` if the string does not end.
        words: Names of values, such as `None`, with their values.
        brackets: The closing bracket of a list, by the opening bracket.
        key: Pattern of keys without quotes in a mapping. None if all keys must be strings.
        trailing_comma: Whether a strict reading allows a comma after the last element.
    """

    string: Callable[[str, int, bool], tuple[str, int] | None]
    words: Mapping[str, Any]
    brackets: Mapping[str, str]
    key: re.Pattern[str] | None = None
    trailing_comma: bool = False

    def value(self, text: str, at: int, strict: bool, depth: int = 0) -> tuple[Any, int]:
        """Return the value at `at`, after white-space, and the index after the value. Raises `Unreadable`."""
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
        """Return the mapping whose brace is at `at`, and the index after the mapping. Raises `Unreadable`."""
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
        """Return the index of the value after the comma at `at`."""
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
        """Return the values between brackets as a list. One value in round brackets without a comma is not a list."""
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
