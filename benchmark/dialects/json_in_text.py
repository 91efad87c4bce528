"""Decodes JSON in the text of models, and tells strict JSON from JSON with small mistakes.

Because a text can be hostile, every function limits the depth and raises only `ValueError`. Strict JSON follows
RFC 8259, and has no duplicate keys, no infinite numbers and no lone surrogates (halves of a UTF-16 pair).
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from toolmark.benchmark.dialects.attempts import Work
from toolmark.benchmark.dialects.thinking import MARKS

__all__ = ["MAX_DEPTH", "MAX_LENGTH", "START", "check", "decode", "decode_value", "dumps", "loads", "wasted"]

MAX_LENGTH = 1 << 20
"""Longest completion that is read, in characters."""
MAX_DEPTH = 64

START = re.compile(r'\{(?=\s*["}])|\[(?=\s*["{\[\]\-\dtfnNI])')
"""Pattern of the beginning of an object or array. Braces in other text, for example in LaTeX, do not match."""

_BLANK = re.compile(r"\s*")
_MARKS = tuple(mark for pair in MARKS.items() for mark in pair)
_DEEP = 30_000
"""Effort of decoding a value that is nested too deeply. See `Work`."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key is written twice")
    return fields


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_STRICT = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
_LENIENT = json.JSONDecoder(strict=False)


class TooDeepError(ValueError):
    """A value is nested more deeply than `MAX_DEPTH`."""

    def __init__(self) -> None:
        super().__init__(f"a value is nested deeper than {MAX_DEPTH} levels")


def check(value: Any, *, strict: bool) -> None:
    """Check that a value is not nested too deeply. If `strict`, check also for infinite numbers and lone surrogates.

    Raises:
        ValueError: The value fails one of these checks.
    """
    level = [value]  # A loop is used because recursion would fail on deep values.
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for item in level:
            kind = type(item)  # `type` is enough, because decoded values have no subclasses.
            if kind is str:  # Most values are strings, so strings are tested first.
                if strict and not item.isascii():
                    try:
                        item.encode()
                    except UnicodeEncodeError:
                        raise ValueError("a string contains a lone surrogate") from None
            elif kind is dict:
                below.extend(item.values())
                if strict:
                    below.extend(item)
            elif kind is list:
                below.extend(item)
            elif strict and kind is float and not math.isfinite(item):
                raise ValueError("a number is too large for a 64-bit float")
        if not below:
            return
        level = below
    raise TooDeepError


def dumps(value: Any) -> str:
    """Return `value` as JSON text for a prompt.

    The marks of thoughts are escaped, because some chat templates remove thoughts from earlier turns. Other
    characters are not escaped.
    """
    text = json.dumps(value, ensure_ascii=False)
    for mark in _MARKS:
        if mark in text:
            text = text.replace(mark, f"\\u{ord(mark[0]):04x}{mark[1:]}")
    return text


def decode(text: str, start: int, *, strict: bool) -> tuple[Any, int]:
    """Decode the JSON value that begins at `start`.

    Returns:
        The value, and the index after the value.

    Raises:
        ValueError: No JSON value begins at `start`, or the value breaks a rule in the docstring of this module.
    """
    try:
        value, end = (_STRICT if strict else _LENIENT).raw_decode(text, start)
    except RecursionError:
        raise TooDeepError from None
    check(value, strict=strict)
    return value, end


def decode_value(text: str, start: int) -> tuple[Any, int, str | None]:
    """Decode the JSON object or array that begins at `start`, leniently. White-space before the value is skipped.

    Returns:
        The value, the index after the value, and the reason why a strict reading refuses the value. The reason is None
        if the value is strict JSON.

    Raises:
        ValueError: No object or array begins at `start`.
    """
    first = _BLANK.match(text, start)
    at = start if first is None else first.end()
    if text[at : at + 1] not in ("{", "["):
        raise ValueError("there is no JSON object or array")
    try:
        return *decode(text, at, strict=True), None
    except TooDeepError:
        raise
    except json.JSONDecodeError as error:
        if not error.msg.startswith("Invalid control"):
            raise  # A lenient decoder stops at the same place.
        reason = str(error)
    except ValueError as error:
        reason = str(error)
    return *decode(text, at, strict=False), reason


def wasted(error: ValueError, text: str, start: int, work: Work) -> None:
    """Count the characters that a failed `decode` at `start` has read."""
    if isinstance(error, TooDeepError):
        return work.spend(_DEEP)
    # Most errors contain the position at which the decoder stopped. If a string does not end, the error contains the
    # start of the string instead. For the error, Python also counts the lines before this position.
    exact = isinstance(error, json.JSONDecodeError) and not error.msg.startswith("Unterminated")
    end = error.pos if exact and isinstance(error, json.JSONDecodeError) else len(text)
    return work.spend(2 * (end - start) + start // 8)


def loads(text: str, *, strict: bool) -> Any:
    """Decode a text that is one JSON value. White-space around the value is allowed.

    Raises:
        ValueError: The text is not one JSON value.
    """
    stripped = text.strip()
    value, end = decode(stripped, 0, strict=strict)
    if end != len(stripped):
        raise ValueError("there is text after the JSON value")
    return value
