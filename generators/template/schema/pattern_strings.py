"""Draws strings that match a regular expression, for schemas with a `pattern`.

The pattern is only parsed. Nothing is matched with the pattern, because matching a malicious pattern could take very
long. The validator of the schema checks later whether the string matches.
"""

from __future__ import annotations

import re
import string
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

__all__ = ["UnsupportedPattern", "string_matching"]

MAX_PATTERN = 500
MAX_TEXT = 200
_MANY = 4
"""A repetition such as `a*` is repeated at most this many times more than its lower bound."""

_PRINTABLE = string.ascii_letters + string.digits
_CATEGORIES = {
    "CATEGORY_DIGIT": string.digits,
    "CATEGORY_WORD": string.ascii_lowercase + string.digits,
    "CATEGORY_SPACE": " ",
    "CATEGORY_NOT_DIGIT": string.ascii_letters,
    "CATEGORY_NOT_WORD": "-. ",
    "CATEGORY_NOT_SPACE": string.ascii_lowercase,
}


class UnsupportedPattern(ValueError):
    """No string can be drawn for this pattern."""


def string_matching(rng: Random, pattern: str) -> str:
    """Draw a string that `pattern` is likely to match.

    Raises:
        UnsupportedPattern: The pattern is too long, contains an unsupported construct, or needs a long string.
    """
    if len(pattern) > MAX_PATTERN:
        raise UnsupportedPattern(f"it is longer than {MAX_PATTERN} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parsed = re._parser.parse(pattern)  # type: ignore[attr-defined]
        text = "".join(_strings_of(rng, parsed, MAX_TEXT))
    except (re.error, RecursionError, OverflowError) as error:
        raise UnsupportedPattern(str(error)) from None
    return text


def _strings_of(rng: Random, nodes: Iterable[tuple[Any, Any]], room: int) -> list[str]:
    made: list[str] = []
    for kind, value in nodes:
        made.append(_string_of(rng, str(kind), value, room))
        room -= len(made[-1])
        if room < 0:
            raise UnsupportedPattern(f"it needs more than {MAX_TEXT} characters")
    return made


def _string_of(rng: Random, kind: str, value: Any, room: int) -> str:
    match kind:
        case "LITERAL":
            return chr(value)
        case "NOT_LITERAL":
            return rng.choice([letter for letter in _PRINTABLE if ord(letter) != value])
        case "ANY":
            return rng.choice(string.ascii_lowercase)
        case "IN":
            return rng.choice(_members(value))
        case "AT":
            return ""
        case "BRANCH":
            return "".join(_strings_of(rng, rng.choice(value[1]), room))
        case "SUBPATTERN":
            return "".join(_strings_of(rng, value[3], room))
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            least, most, inner = int(value[0]), int(value[1]), value[2]
            if least > room:
                raise UnsupportedPattern(f"it needs more than {MAX_TEXT} characters")
            times = rng.randint(least, max(least, min(most, least + _MANY)))
            return "".join("".join(_strings_of(rng, inner, room)) for _ in range(times))
    raise UnsupportedPattern(f"{kind.lower()} is not supported")


def _members(parts: Iterable[tuple[Any, Any]]) -> str:
    letters = ""
    negated = False
    for kind, value in parts:
        match str(kind):
            case "NEGATE":
                negated = True
            case "LITERAL":
                letters += chr(value)
            case "RANGE":
                letters += "".join(map(chr, range(value[0], min(value[1], value[0] + 127) + 1)))
            case "CATEGORY":
                letters += _CATEGORIES.get(str(value), "")
    if negated:
        letters = "".join(letter for letter in _PRINTABLE if letter not in letters)
    if not letters:
        raise UnsupportedPattern("it contains an empty character class")
    return letters
