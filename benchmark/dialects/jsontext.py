"""JSON as models write it: decoded strictly, or with what a lenient reading forgives; found inside other text.

Everything here is linear in the length of the text, bounded in depth, and raises only `ValueError`: the text is
hostile. Strict means RFC 8259 with unique keys: no `NaN`, no infinite number, no key written twice, no lone surrogate.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

__all__ = ["MAX_LENGTH", "decode", "loads", "named_in", "scan", "unfenced", "without_thinking"]

MAX_LENGTH = 1 << 20
"""Characters of a completion that are read at all."""
MAX_DEPTH = 64
MAX_FAILURES = 64
"""Positions at which decoding may fail before a scan gives up: without a cap a run of `{"a":` is quadratic."""

_FENCE = re.compile(r"\A```[\w-]*\s*\n?(.*?)\n?```\Z", re.DOTALL)
_NAME_KEY = re.compile(r'"(?:tool_name|name|tool|function)"\s{0,8}:\s{0,8}"([^"\\]{1,128})"')
_CALL_AT_LINE_START = re.compile(r"^[ \t`\[]{0,8}([A-Za-z_][\w.-]{0,127})\(", re.MULTILINE)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key is written twice")
    return fields


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_STRICT = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
_LENIENT = json.JSONDecoder(strict=False)


def _check(value: Any, strict: bool) -> None:
    """Depth always; in a strict reading also infinite numbers and lone surrogates. Iterative, so depth cannot hurt."""
    level = [value]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.values())
                if strict:
                    below.extend(item)
            elif isinstance(item, list):
                below.extend(item)
            elif strict and isinstance(item, float) and not math.isfinite(item):
                raise ValueError("a number is too large for JSON's doubles")
            elif strict and isinstance(item, str) and not item.isascii():
                try:
                    item.encode()
                except UnicodeEncodeError:
                    raise ValueError("a string holds half of a surrogate pair") from None
        if not below:
            return
        level = below
    raise ValueError(f"nested deeper than {MAX_DEPTH} levels")


def decode(text: str, start: int, *, strict: bool) -> tuple[Any, int]:
    """Decode the JSON value that begins at `start`; returns it and the index behind it.

    Raises:
        ValueError: No JSON value begins there, or it breaks a rule of the module docstring.
    """
    try:
        value, end = (_STRICT if strict else _LENIENT).raw_decode(text, start)
    except RecursionError:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels") from None
    _check(value, strict)
    return value, end


def loads(text: str, *, strict: bool) -> Any:
    """Decode `text` as one JSON value with nothing but white-space around it. Raises `ValueError`."""
    stripped = text.strip()
    value, end = decode(stripped, 0, strict=strict)
    if end != len(stripped):
        raise ValueError("there is text after the JSON value")
    return value


def scan(text: str, *, strict: bool) -> Iterator[tuple[int, int, Any]]:
    """Outermost JSON objects and arrays inside other text, as (start, end, value)."""
    position = failures = 0
    while failures < MAX_FAILURES:
        starts = [index for index in (text.find("{", position), text.find("[", position)) if index >= 0]
        if not starts:
            return
        start = min(starts)
        try:
            value, position = decode(text, start, strict=strict)
        except ValueError:
            failures += 1
            position = start + 1
        else:
            yield start, position, value


def without_thinking(text: str) -> str:
    """Remove `<think>…</think>`; a block that never closes goes to the end, one that never opens from the start."""
    opening, closing = "<think>", "</think>"
    first_close = text.find(closing)
    if first_close >= 0 and text.find(opening, 0, first_close) < 0:
        text = text[first_close + len(closing) :]
    kept: list[str] = []
    position = 0
    while (start := text.find(opening, position)) >= 0:
        kept.append(text[position:start])
        end = text.find(closing, start)
        if end < 0:
            return "".join(kept)
        position = end + len(closing)
    return "".join([*kept, text[position:]])


def unfenced(text: str) -> str:
    """The inside of one Markdown code fence around the whole of `text`, or `text`."""
    match = _FENCE.match(text.strip())
    return match.group(1) if match else text


def named_in(text: str) -> frozenset[str]:
    """Names in whatever is shaped like a call of any dialect, cut short or not."""
    return frozenset(_NAME_KEY.findall(text)) | frozenset(_CALL_AT_LINE_START.findall(text))
