"""Calls between markers: a tag or a special token says where a call begins."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from toolmark.benchmark.data.cases import Call
from toolmark.benchmark.dialects import json_in_text
from toolmark.benchmark.dialects.json_calls import calls_in, lenient_calls
from toolmark.benchmark.dialects.parsing import Attempt, Piece

__all__ = ["Markers", "json_value"]

_NOT_BLANK = re.compile(r"\S")
_MAX_FAILURES = 64
"""Bodies that may fail to decode before only a marker ends a body: each failure may read to the end of the text."""


def json_value(text: str, start: int, strict: bool) -> tuple[Any, int]:
    """The JSON object or array at `start`, white-space aside, and the index behind it. Raises `ValueError`."""
    first = _NOT_BLANK.search(text, start)
    if first is None or first.group() not in "{[":
        raise ValueError("no JSON object or array begins here")
    return json_in_text.decode(text, first.start(), strict=strict)


@dataclass(frozen=True)
class Markers:
    """How a family marks its calls.

    A marker inside a string of an argument is part of it. So a body whose value can be read ends behind it; any other
    ends at the next marker.

    Attributes:
        opening: Begins a body.
        closing: Ends it; empty where the body ends by itself.
        value: The value that begins at an index, read strictly or not, and the index behind it. Raises `ValueError`.
        strictly: The calls that such a value is. Raises `ValueError`.
        leniently: The same, forgiving; empty where it is none.
        search: The calls of a body that is no such value, in a lenient reading. Raises `ValueError`.
    """

    opening: str
    closing: str
    value: Callable[[str, int, bool], tuple[Any, int]]
    strictly: Callable[[Any], Sequence[Call]]
    leniently: Callable[[Any], Sequence[Call]] = calls_in
    search: Callable[[str], Sequence[Call]] = lenient_calls

    def pieces(self, text: str, strict: bool) -> Iterator[Piece]:
        """Cut `text` at the markers."""
        position = failures = 0
        while (start := text.find(self.opening, position)) >= 0:
            begin = start + len(self.opening)
            read: tuple[Any, int] | None = None
            error = f"{self.opening} is followed by nothing that can be read"
            if failures < _MAX_FAILURES:
                try:
                    read = self.value(text, begin, strict)
                except ValueError as reason:
                    failures += 1
                    error = str(reason)
            stop = self._behind(text, read[1]) if read is not None else None
            if read is not None and stop is not None:
                attempt = self._of_value(read[0], strict)
            else:
                body_end, stop = self._next(text, begin)
                if strict:
                    attempt = Attempt(error=error if read is None else f"{self.opening} holds more than a call")
                else:
                    attempt = self._of_body(text[begin:body_end])
            yield text[position:start], attempt
            position = stop
        yield text[position:], None

    def _of_value(self, value: Any, strict: bool) -> Attempt:
        try:
            calls = self.strictly(value) if strict else self.leniently(value)
        except ValueError as reason:
            return Attempt(error=str(reason))
        return Attempt(calls, None if calls else "no call can be read between the markers")

    def _of_body(self, body: str) -> Attempt:
        try:
            return Attempt(self.search(body))
        except ValueError as reason:
            return Attempt(error=str(reason))

    def _behind(self, text: str, end: int) -> int | None:
        """Index behind a body whose value ends at `end`; None where it goes on."""
        if not self.closing:
            return end
        behind = _NOT_BLANK.search(text, end)
        closed = behind is not None and text.startswith(self.closing, behind.start())
        return behind.start() + len(self.closing) if behind is not None and closed else None

    def _next(self, text: str, begin: int) -> tuple[int, int]:
        """Where a body that cannot be read ends, at the next marker, and the index from which to go on."""
        marker = self._either.search(text, begin)
        if marker is None:
            return len(text), len(text)
        return marker.start(), marker.end() if marker.group() == self.closing else marker.start()

    @cached_property
    def _either(self) -> re.Pattern[str]:
        return re.compile("|".join(re.escape(mark) for mark in (self.opening, self.closing) if mark))
