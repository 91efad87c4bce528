"""Parses completions. This module contains the rules that are the same in all dialects.

A dialect finds the attempts to call and cuts the text at these attempts. A piece is the text before an attempt,
together with the attempt. In a strict reading, three things are errors in every dialect:

- a code fence around a call
- text after the last call
- a tool result that the model wrote itself
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from toolmark.benchmark.data.cases import Call
from toolmark.benchmark.data.completions import Completion, ParsedCompletion
from toolmark.benchmark.dialects import json_in_text
from toolmark.benchmark.dialects.thinking import without_thinking

__all__ = ["Attempt", "Piece", "Pieces", "parse_pieces"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A part of a text in which a model called tools or tried to call tools.

    Attributes:
        calls: The calls that can be read in this part.
        error: What is wrong with this part. None if nothing is wrong.
    """

    calls: Sequence[Call] = ()
    error: str | None = None


Piece = tuple[str, Attempt | None]
"""A part of the text outside of calls, and the attempt after this part. In the last piece, the attempt is None."""

Pieces = Callable[[str, bool], Iterable[Piece]]
"""Function that cuts a text into pieces. The second argument says whether to read strictly."""


def parse_pieces(
    completion: Completion, pieces: Pieces, *, strict: bool, result: str = "", answer: Callable[[str], str] = str.strip
) -> ParsedCompletion:
    """Read the calls of a completion. No text of a model causes an exception.

    Args:
        completion: The completion.
        pieces: Function that cuts the text of the completion at the calls.
        strict: Whether to read strictly.
        result: The text that begins a tool result in this dialect. Empty if an answer may also contain this text.
        answer: Function that makes the text for the user from the text outside of calls.
    """
    text = completion.text
    if len(text) > json_in_text.MAX_LENGTH:
        return ParsedCompletion(attempted=True, error=f"longer than {json_in_text.MAX_LENGTH} characters")
    text = without_thinking(text)
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
