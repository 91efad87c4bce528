"""The part of parsing that all dialects share: limits, thinking, code fences, and the text around the calls.

A dialect finds the calls and cuts a text into pieces. A piece is an attempt to call, with the text before the attempt.
This module contains the rules of strict readings that hold in all dialects. Three things are errors: a code fence, text
after the last call, and a tool result that the model wrote itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from toolmark.benchmark.data.cases import Call
from toolmark.benchmark.data.completions import Completion, ParsedCompletion
from toolmark.benchmark.dialects import json_in_text

__all__ = ["Attempt", "Piece", "Pieces", "parse_pieces"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A part of a text in which a model called a tool or tried to call a tool.

    Attributes:
        calls: The calls that can be read in this part.
        error: The fault of the calls. None if there is no fault.
    """

    calls: Sequence[Call] = ()
    error: str | None = None


Piece = tuple[str, Attempt | None]
"""Text outside of calls, and the attempt that follows the text. The attempt is None in the last piece."""

Pieces = Callable[[str, bool], Iterable[Piece]]
"""Cuts a text into pieces, strictly or not. Only the last piece has no attempt."""


def parse_pieces(
    completion: Completion, pieces: Pieces, *, strict: bool, result: str = "", answer: Callable[[str], str] = str.strip
) -> ParsedCompletion:
    """Read the calls of a completion. Never raises an exception, for any text of a model.

    Args:
        completion: The completion.
        pieces: Cuts the text at its calls.
        strict: Whether to read strictly.
        result: The beginning of a tool result in this dialect. Empty if other text may begin in the same way.
        answer: Makes the text for the user from the text outside of calls.
    """
    text = completion.text
    if len(text) > json_in_text.MAX_LENGTH:
        return ParsedCompletion(attempted=True, error=f"longer than {json_in_text.MAX_LENGTH} characters")
    text = json_in_text.without_thinking(text)
    calls: list[Call] = []
    outside: list[str] = []
    error: str | None = None
    attempted = False
    for before, attempt in pieces(text, strict):
        outside.append(before)
        if attempt is not None:
            attempted = True
            calls += attempt.calls
            if error is None:
                error = "the call is in a code fence" if strict and json_in_text.in_fence(before) else attempt.error
        elif attempted and before.strip():
            error = error or "there is text after the last call"
    text_outside = "".join(outside)
    if result and result in text_outside:
        error = "the model wrote a tool result itself"
    if calls and not strict:
        error = None
    named = frozenset() if attempted or strict else json_in_text.named_in(text)
    return ParsedCompletion(tuple(calls), attempted, named, error, answer(text_outside))
