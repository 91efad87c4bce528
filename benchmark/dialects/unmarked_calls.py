"""Finds calls in dialects without markers. In these dialects, every text in the form of a call counts as a call."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from toolmark.benchmark.data.cases import Call, Message
from toolmark.benchmark.dialects import json_in_text
from toolmark.benchmark.dialects.json_calls import call_from_object, strict_call
from toolmark.benchmark.dialects.parsing import Attempt, Piece

__all__ = ["Span", "cut", "json_spans", "write_result"]

Span = tuple[int, int, Attempt]
"""The start and the end of an attempt to call, as indices in the text, and the attempt."""

_RESULT = re.compile(r"^Result(?: of [^\n:]{1,128})?:", re.MULTILINE)
"""Pattern of a tool result as `write_result` writes it."""


def write_result(message: Message) -> str:
    """Return the text of a user turn with the result of a tool."""
    return f"Result of {message.name}: {message.content}" if message.name else f"Result: {message.content}"


def cut(text: str, spans: Iterable[Span]) -> Iterator[Piece]:
    """Cut a text into pieces at the attempts to call.

    An attempt gets an error if it stands after a tool result that the model wrote, or inside a broken JSON value.
    """
    position = 0
    for start, end, attempt in spans:
        before = text[position:start]
        if position and _RESULT.search(before):
            attempt = Attempt(attempt.calls, "the model wrote a tool result itself")
        elif before.rstrip().endswith(("[", "{", '":')):
            attempt = Attempt(attempt.calls, "the call is inside a broken JSON value")
        yield before, attempt
        position = end
    yield text[position:], None


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _unwrapped(value: Any, *, alone: bool) -> Any:
    """Return the list in `{"tool_calls": [...]}`. If `value` has another form, return `value`.

    If `alone`, the object must not have other keys.
    """
    wrapped = isinstance(value, dict) and isinstance(value.get("tool_calls"), list) and not (alone and len(value) > 1)
    return value["tool_calls"] if wrapped else value


def json_spans(
    text: str, strict: bool, arguments_key: str, also: Collection[str] = (), *, wrapper: bool = False
) -> Iterator[Span]:
    """Find the JSON values in a text that contain calls and nothing else.

    An object without arguments is an answer, because no marker shows that the object is a call. If only a lenient
    reading accepts a value, a strict reading yields an attempt with an error. Otherwise the value would count as text
    of an answer.

    Args:
        text: The text.
        strict: Whether to accept only the keys `name` and `arguments_key`.
        arguments_key: The key of the arguments.
        also: Further keys that a strict reading accepts.
        wrapper: Whether a strict reading accepts `{"tool_calls": [...]}` around the list.

    Yields:
        The start and the end of a value, and the attempt.
    """
    if not strict:
        for start, end, value in json_in_text.scan(text, strict=False):
            if calls := _calls_only(value):
                yield start, end, Attempt(calls)
        return
    for start, end, (value, error) in json_in_text.scan_both(text):
        if error is None:
            items = _as_list(_unwrapped(value, alone=True) if wrapper else value)
            try:
                clean = [strict_call(item, "name", arguments_key, also) for item in items]
                if clean and all(arguments_key in item for item in items):
                    yield start, end, Attempt(clean)
                    continue
            except ValueError as reason:
                error = str(reason)
        if _calls_only(value):
            yield start, end, Attempt(error=error)


def _calls_only(value: Any) -> list[Call]:
    """Return the calls in `value`. If `value` contains anything else than calls, return an empty list."""
    calls = [call_from_object(item) for item in _as_list(_unwrapped(value, alone=False))]
    return [] if None in calls else [call for call in calls if call is not None]
