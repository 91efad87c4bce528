"""Calls without markers: whatever is written like a call is one, wherever it stands."""

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
"""Where an attempt begins and ends in a text, and the attempt."""

_RESULT = re.compile(r"^Result(?: of [^\n:]{1,128})?:", re.MULTILINE)
"""A tool result as `write_result` tells it."""


def write_result(message: Message) -> str:
    """A tool's result, for a user turn."""
    return f"Result of {message.name}: {message.content}" if message.name else f"Result: {message.content}"


def cut(text: str, spans: Iterable[Span]) -> Iterator[Piece]:
    """The pieces of `text` around `spans`, with what makes the place of each call unclean."""
    position = 0
    for start, end, attempt in spans:
        before = text[position:start]
        if position and _RESULT.search(before):
            attempt = Attempt(attempt.calls, "it writes a tool result itself")
        elif before.rstrip().endswith(("[", "{", '":')):
            attempt = Attempt(attempt.calls, "the call stands in a broken value")
        yield before, attempt
        position = end
    yield text[position:], None


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _unwrapped(value: Any, *, alone: bool) -> Any:
    """The list in `{"tool_calls": [...]}`, if need be only where no other key stands beside it."""
    wrapped = isinstance(value, dict) and isinstance(value.get("tool_calls"), list) and not (alone and len(value) > 1)
    return value["tool_calls"] if wrapped else value


def json_spans(
    text: str, strict: bool, arguments_key: str, also: Collection[str] = (), *, wrapper: bool = False
) -> Iterator[Span]:
    """Every JSON value in `text` that is nothing but calls; strictly, under the keys `name` and `arguments_key`.

    With `wrapper`, a strict reading too takes `{"tool_calls": [...]}` for the list in it.

    An object without arguments is an answer here and no call: nothing around it says what it is meant for. What can
    only be read leniently is an attempt in a strict reading too, so that it never passes for reasoning.
    """
    if not strict:
        for start, end, value in json_in_text.scan(text, strict=False):
            if calls := _calls(value):
                yield start, end, Attempt(calls)
        return
    for start, end, (value, error) in json_in_text.scan_both(text):
        if error is None:
            exact = _listed(_unwrapped(value, alone=True) if wrapper else value)
            try:
                clean = [strict_call(item, "name", arguments_key, also) for item in exact]
                if clean and all(arguments_key in item for item in exact):
                    yield start, end, Attempt(clean)
                    continue
            except ValueError as reason:
                error = str(reason)
        if _calls(value):
            yield start, end, Attempt(error=error)


def _calls(value: Any) -> list[Call]:
    """The calls that a value is nothing but; none where it is anything else."""
    calls = [call_from_object(item) for item in _listed(_unwrapped(value, alone=False))]
    return [] if None in calls else [call for call in calls if call is not None]
