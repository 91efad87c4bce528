"""Finds calls between markers. A marker is a tag or a special token around calls, for example `<tool_call>`."""

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
"""After this number of failed decodings, no other body is decoded, because each decoding may read the whole text."""


def json_value(text: str, start: int, strict: bool) -> tuple[Any, int]:
    """Decode the JSON object or array that begins at `start`. White-space before the value is skipped.

    Returns:
        The value, and the index after the value.

    Raises:
        ValueError: No object or array begins at `start`.
    """
    first = _NOT_BLANK.search(text, start)
    if first is None or first.group() not in "{[":
        raise ValueError("no JSON object or array begins here")
    return json_in_text.decode(text, first.start(), strict=strict)


@dataclass(frozen=True)
class Markers:
    """The markers around the calls of a dialect, and the functions that read the text between two markers.

    The text between two markers is called the *body*. If the body can be decoded, the body ends after the decoded
    value, because a string in the value may contain a marker. Any other body ends at the next marker.

    Attributes:
        opening: The marker before a body.
        closing: The marker after a body. Empty if the dialect does not mark the end.
        value: Function that decodes a body. The arguments are the text, the index of the body, and whether to read
            strictly. The function returns the value and the index after the value, or raises `ValueError`.
        strictly: Function for strict readings. It returns the calls in a decoded value, or raises `ValueError`.
        leniently: Function for lenient readings. It returns the calls in a decoded value, which may be none.
        search: Function for lenient readings. It returns the calls in a body that cannot be decoded, or raises
            `ValueError`.
    """

    opening: str
    closing: str
    value: Callable[[str, int, bool], tuple[Any, int]]
    strictly: Callable[[Any], Sequence[Call]]
    leniently: Callable[[Any], Sequence[Call]] = calls_in
    search: Callable[[str], Sequence[Call]] = lenient_calls

    def pieces(self, text: str, strict: bool) -> Iterator[Piece]:
        """Cut a text into pieces at the markers."""
        position = failures = 0
        while (start := text.find(self.opening, position)) >= 0:
            begin = start + len(self.opening)
            read: tuple[Any, int] | None = None
            error = f"the text after {self.opening} cannot be read"
            if failures < _MAX_FAILURES:
                try:
                    read = self.value(text, begin, strict)
                except ValueError as reason:
                    failures += 1
                    error = str(reason)
            stop = self._end_of_body(text, read[1]) if read is not None else None
            if read is not None and stop is not None:
                attempt = self._of_value(read[0], strict)
            else:
                body_end, stop = self._next_marker(text, begin)
                if strict:
                    attempt = Attempt(error=error if read is None else "there is other text between the markers")
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

    def _end_of_body(self, text: str, end: int) -> int | None:
        """Return the index after the closing marker of a body, or None if other text stands before the marker.

        `end` is the index after the value of the body. If the dialect has no closing marker, return `end`.
        """
        if not self.closing:
            return end
        following = _NOT_BLANK.search(text, end)
        if following is None or not text.startswith(self.closing, following.start()):
            return None
        return following.start() + len(self.closing)

    def _next_marker(self, text: str, begin: int) -> tuple[int, int]:
        """Return the end of a body that cannot be decoded, and the index at which the next piece begins."""
        marker = self._either.search(text, begin)
        if marker is None:
            return len(text), len(text)
        return marker.start(), marker.end() if marker.group() == self.closing else marker.start()

    @cached_property
    def _either(self) -> re.Pattern[str]:
        return re.compile("|".join(re.escape(mark) for mark in (self.opening, self.closing) if mark))
