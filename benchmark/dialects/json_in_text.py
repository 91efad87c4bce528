"""Finds JSON in the text of models, and decodes the JSON strictly or leniently.

The text may be hostile. So every function takes linear time, limits the depth, and raises only `ValueError`. Strict
means RFC 8259 with unique keys. A strict reading refuses `NaN`, infinite numbers, duplicate keys, and lone surrogates.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

__all__ = [
    "MAX_DEPTH",
    "MAX_LENGTH",
    "MAX_WASTE",
    "check",
    "decode",
    "dumps",
    "in_fence",
    "loads",
    "named_in",
    "scan",
    "scan_both",
    "unfenced",
    "without_thinking",
]

MAX_LENGTH = 1 << 20
"""Characters of the longest completion that is read."""
MAX_DEPTH = 64
MAX_WASTE = 4 * MAX_LENGTH
"""A scan ends after failed attempts have decoded this number of characters. Otherwise many `{"a":` take quadratic time.
"""

_INFO = re.compile(r"[\w-]*")
_START = re.compile(r'\{(?=\s*["}])|\[(?=\s*["{\[\]\-\dtfnNI])')
"""Pattern of the possible beginnings of an object or array. Braces in prose and in LaTeX do not match."""
_NAME_KEY = re.compile(r'"(?:tool_name|name|tool|function)"\s{0,8}:\s{0,8}"([^"\\]{1,128})"')
_OBJECT_KEY = re.compile(r'"([^"\\]{1,128})"\s{0,8}:\s{0,8}\{')
_CALL_AT_LINE_START = re.compile(
    r"^[ \t`\[]{0,8}(?:<\|?\w{1,32}\|?>\s?)?(?:print\()?([A-Za-z_][\w.-]{0,127})\(", re.MULTILINE
)

_MARKED_CALL = re.compile(r"(?:<start_function_call>\s?call:|\[TOOL_CALLS\]\s?)([^\s\[\]{}\"<>]{1,128})")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key is written twice")
    return fields


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_STRICT = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
_LENIENT = json.JSONDecoder(strict=False)


def check(value: Any, *, strict: bool) -> None:
    """Refuse a value that is nested too deeply. If strict, also refuse infinite numbers and lone surrogates.

    Raises:
        ValueError: The value is refused.
    """
    level = [value]  # a loop, because recursion would fail on deep values
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for item in level:
            kind = type(
                item
            )  # decoded values have no subclasses; strings are the most frequent, so they are tested first
            if kind is str:
                if strict and not item.isascii():
                    try:
                        item.encode()
                    except UnicodeEncodeError:
                        raise ValueError("a string holds half of a surrogate pair") from None
            elif kind is dict:
                below.extend(item.values())
                if strict:
                    below.extend(item)
            elif kind is list:
                below.extend(item)
            elif strict and kind is float and not math.isfinite(item):
                raise ValueError("a number is too large for JSON's doubles")
        if not below:
            return
        level = below
    raise ValueError(f"nested deeper than {MAX_DEPTH} levels")


def dumps(value: Any) -> str:
    """Return `value` as JSON text for a prompt. `<think>` tags are escaped for `without_thinking`, Unicode is not."""
    text = json.dumps(value, ensure_ascii=False)
    return text.replace("<think>", "\\u003cthink>").replace("</think>", "\\u003c/think>")


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
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels") from None
    check(value, strict=strict)
    return value, end


def loads(text: str, *, strict: bool) -> Any:
    """Decode a text that is one JSON value. White-space around the value is allowed. Raises `ValueError`."""
    stripped = text.strip()
    value, end = decode(stripped, 0, strict=strict)
    if end != len(stripped):
        raise ValueError("there is text after the JSON value")
    return value


def scan(text: str, *, strict: bool) -> Iterator[tuple[int, int, Any]]:
    """Find the outermost JSON objects and arrays inside other text, as (start, end, value)."""
    return _scan(text, partial(decode, strict=strict))


def scan_both(text: str) -> Iterator[tuple[int, int, tuple[Any, str | None]]]:
    """Scan leniently. For each value, also yield the reason why a strict reading fails. None if it does not fail."""
    return _scan(text, _decode_both)


def _decode_both(text: str, start: int) -> tuple[tuple[Any, str | None], int]:
    try:
        value, end = decode(text, start, strict=True)
    except ValueError as reason:
        value, end = decode(text, start, strict=False)
        return (value, str(reason)), end
    return (value, None), end


def _scan(text: str, decoded: Callable[[str, int], tuple[Any, int]]) -> Iterator[tuple[int, int, Any]]:
    position = waste = 0
    while waste < MAX_WASTE and (match := _START.search(text, position)):
        start = match.start()
        try:
            value, position = decoded(text, start)
        except ValueError as error:
            # Most errors contain the decoder's position. The error of an unfinished string contains the start of the
            # string instead.
            exact = isinstance(error, json.JSONDecodeError) and not error.msg.startswith("Unterminated")
            read = error.pos - start if exact and isinstance(error, json.JSONDecodeError) else len(text) - start
            waste += read + start // 16 + 16  # Python counts the lines before an error
            position = start + 1
        else:
            yield start, position, value


def without_thinking(text: str) -> str:
    """Remove `<think>…</think>`.

    A block without a closing tag ends at the end of the text. A block without an opening tag begins at the start of the
    text.
    """
    if "think>" not in text:
        return text
    opening, closing = "<think>", "</think>"
    first_close = text.find(closing)
    if first_close >= 0 and text.find(opening, 0, first_close) < 0:
        text = text[first_close + len(closing) :]
    parts: list[str] = []
    position = 0
    while (start := text.find(opening, position)) >= 0:
        parts.append(text[position:start])
        end = text.find(closing, start)
        if end < 0:
            return "".join(parts)
        position = end + len(closing)
    return "".join([*parts, text[position:]])


def unfenced(text: str) -> str:
    """Return the text inside a Markdown code fence around the whole text. Without a fence, return the text itself."""
    stripped = text.strip()
    if len(stripped) < 6 or not stripped.startswith("```") or not stripped.endswith("```"):
        return text
    inside = stripped[3:-3]
    match = _INFO.match(inside)
    return inside[match.end() if match else 0 :].strip()


def in_fence(before: str) -> bool:
    """Whether the text after `before` is inside a Markdown code fence."""
    return before.count("```") % 2 == 1


def named_in(text: str) -> frozenset[str]:
    """Return the tool names in a text that occur in the form of a call of any dialect. The call may be incomplete.

    These forms are `{"name": "f"`, `{"f": {`, and a name after a special token. At the start of a line, or after a tag
    there, these forms are also `f(`, `api.f(` and `print(f(`.
    """
    shapes = (_NAME_KEY, _OBJECT_KEY, _CALL_AT_LINE_START, _MARKED_CALL)
    written = {name for shape in shapes for name in shape.findall(text)}
    return frozenset(written) | {name.rpartition(".")[2] for name in written}
