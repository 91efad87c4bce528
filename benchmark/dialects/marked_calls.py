"""Reads calls between marks. A mark is a tag or a special token around calls, for example `<tool_call>`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from toolmark.benchmark.dialects.attempts import Attempt, Leniency, Work
from toolmark.benchmark.dialects.json_calls import ObjectForm, loose_body
from toolmark.benchmark.dialects.json_in_text import decode_value, wasted
from toolmark.benchmark.dialects.literals import Unreadable
from toolmark.benchmark.dialects.thinking import MARKS

__all__ = ["Marks", "spent"]

_NOT_BLANK = re.compile(r"\S")

Value = Callable[[str, int], tuple[Any, int, str | None]]
Loosely = Callable[[str, str, Work], Attempt]


def spent(error: ValueError, text: str, start: int, work: Work) -> None:
    """Subtract the effort for the characters that a failed reader has read from `start`."""
    if isinstance(error, Unreadable):
        # Readers in Python take much longer than the JSON decoder, which has perhaps failed before.
        work.spend(20 * (error.at - start) + start // 8)
    else:
        wasted(error, text, start, work)


@dataclass(frozen=True)
class Marks:
    """The marks around the calls of a dialect, and the functions that read the text between two marks.

    The text between two marks is called the *body*. If the body can be decoded, the body ends after the decoded value,
    because a string in the value can contain a mark. Any other body ends at the next mark.

    Attributes:
        opening: The mark before a body.
        closing: The mark after a body. Empty if the dialect does not mark the end.
        form: The form of the calls in a decoded body.
        value: Function that decodes a body. The arguments are the text and the index of the body. The function returns
            the value, the index after the value, and the first mistake that a lenient reading forgives, or None. The
            function raises `ValueError` if the body cannot be decoded.
        loosely: Function that searches for calls in a body that cannot be decoded. The arguments are the body, the
            reason why the body cannot be decoded, and the effort that is left.
    """

    opening: str
    closing: str
    form: ObjectForm
    value: Value = decode_value
    loosely: Loosely = loose_body
    _any: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        marks = (self.opening, self.closing, *MARKS, *MARKS.values())
        object.__setattr__(self, "_any", re.compile("|".join(re.escape(mark) for mark in marks if mark)))

    def read(self, text: str, start: int, work: Work) -> tuple[Attempt, int]:
        """Read the call whose opening mark is at `start`. See `toolmark.benchmark.dialects.scanner.Reader`."""
        begin = start + len(self.opening)
        try:
            value, end, fault = self.value(text, begin)
        except ValueError as reason:
            spent(reason, text, begin, work)
            error = str(reason)
        else:
            stop = self._closed(text, end)
            if stop is not None:
                attempt = self.form.attempt(value, fault)
                return attempt or Attempt(error="there is no call between the marks"), stop
            error = "there is other text between the marks"
        return self._loosely(text, begin, error, work)

    def _closed(self, text: str, end: int) -> int | None:
        """Return the index after the closing mark of a body, or None if other text stands before the mark.

        `end` is the index after the value of the body. If the dialect has no closing mark, return `end`.
        """
        if not self.closing:
            return end
        following = _NOT_BLANK.search(text, end)
        if following is None or not text.startswith(self.closing, following.start()):
            return None
        return following.start() + len(self.closing)

    def _loosely(self, text: str, begin: int, error: str, work: Work) -> tuple[Attempt, int]:
        mark = self._any.search(text, begin)
        end = stop = len(text) if mark is None else mark.start()
        closed = mark is not None and mark.group() == self.closing
        if mark is not None and closed:
            stop = mark.end()
        body = text[begin:end]
        if mark is not None and mark.group() == self.opening and not body.strip():
            return Attempt(forgiven=[(Leniency.TEXT_INSIDE, f"{self.opening} is written twice")]), stop
        attempt = self.loosely(body, error, work)
        if self.closing and not closed and attempt.calls:
            attempt.forgiven = [(Leniency.NOT_CLOSED, f"{self.closing} is missing"), *attempt.forgiven]
        return attempt, stop
