"""Finds JSON in the text of models, and decodes the JSON strictly or leniently.

Because the text may be hostile, every function takes linear time, limits the depth, and raises only `ValueError`. A
strict reading follows RFC 8259. A strict reading also refuses duplicate keys, infinite numbers, and lone surrogates
(halves of a UTF-16 pair).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from toolmark.benchmark.dialects.thinking import MARKS

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
]

MAX_LENGTH = 1 << 20
"""Longest completion that is read, in characters."""
MAX_DEPTH = 64
MAX_WASTE = 4 * MAX_LENGTH
"""A scan ends after failed attempts have decoded this number of characters.

Without this limit, a text with many `{"a":` would take quadratic time.
"""

_INFO = re.compile(r"[\w-]*")
_START = re.compile(r'\{(?=\s*["}])|\[(?=\s*["{\[\]\-\dtfnNI])')
"""Pattern of the beginning of an object or array. Braces in other text, for example in LaTeX, do not match."""
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
                raise ValueError("a number is too large for JSON's doubles")
        if not below:
            return
        level = below
    raise ValueError(f"nested deeper than {MAX_DEPTH} levels")


def dumps(value: Any) -> str:
    """Return `value` as JSON text for a prompt.

    The marks of thoughts are escaped, because `without_thinking` would remove them. Other characters are not escaped.
    """
    text = json.dumps(value, ensure_ascii=False)
    for mark in (*MARKS, *MARKS.values()):
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
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels") from None
    check(value, strict=strict)
    return value, end


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


def scan(text: str, *, strict: bool) -> Iterator[tuple[int, int, Any]]:
    """Find JSON objects and arrays inside other text. Objects and arrays inside a found value are not listed.

    Yields:
        Start, end and value.
    """
    return _scan(text, partial(decode, strict=strict))


def scan_both(text: str) -> Iterator[tuple[int, int, tuple[Any, str | None]]]:
    """Find JSON objects and arrays inside other text, in a lenient reading. See `scan`.

    Yields:
        Start, end, and a pair: the value, and the reason why a strict reading refuses the value. The reason is None if
        a strict reading accepts the value.
    """
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
            # Most errors contain the position at which the decoder stopped. If a string does not end, the error
            # contains the start of the string instead.
            exact = isinstance(error, json.JSONDecodeError) and not error.msg.startswith("Unterminated")
            read = error.pos - start if exact and isinstance(error, json.JSONDecodeError) else len(text) - start
            waste += read + start // 16 + 16  # `start` counts because Python counts the lines before the error.
            position = start + 1
        else:
            yield start, position, value


def unfenced(text: str) -> str:
    """Return the text without the Markdown code fence around it. If there is no fence, return `text`."""
    stripped = text.strip()
    if len(stripped) < 6 or not stripped.startswith("```") or not stripped.endswith("```"):
        return text
    inside = stripped[3:-3]
    match = _INFO.match(inside)
    return inside[match.end() if match else 0 :].strip()


def in_fence(before: str) -> bool:
    """Return whether the text after `before` is inside a Markdown code fence."""
    return before.count("```") % 2 == 1


def named_in(text: str) -> frozenset[str]:
    """Return the tool names in a text that look like the beginning of a call, in any dialect.

    These texts name the tool `f`:

    - `{"name": "f"`
    - `{"f": {`
    - `f` after a special token, for example `[TOOL_CALLS]f`
    - `f(`, `api.f(` or `print(f(` at the start of a line, or after a tag at the start of a line
    """
    shapes = (_NAME_KEY, _OBJECT_KEY, _CALL_AT_LINE_START, _MARKED_CALL)
    written = {name for shape in shapes for name in shape.findall(text)}
    return frozenset(written) | {name.rpartition(".")[2] for name in written}
