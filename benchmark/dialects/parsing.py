"""What every reading has in common, whatever calls look like: caps, thoughts, fences, and what stands around the calls.

A dialect says where calls are: it cuts a text into pieces, each the prose before an attempt at calling and the attempt
itself. Everything that is strict in all dialects is decided here, once: no code fence, no text after the last call, no
tool result that the model wrote itself.
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
    """One place where a model called, or tried to: the calls that can be read there, and why they are not clean."""

    calls: Sequence[Call] = ()
    error: str | None = None


Piece = tuple[str, Attempt | None]
"""Text outside calls, and the attempt that follows it; None at the end of the completion."""

Pieces = Callable[[str, bool], Iterable[Piece]]
"""Cuts a text, read strictly or not; the last piece, and no other, has no attempt."""


def parse_pieces(
    completion: Completion, pieces: Pieces, *, strict: bool, result: str = "", answer: Callable[[str], str] = str.strip
) -> ParsedCompletion:
    """Read the calls of a completion; never raises on what a model wrote.

    Args:
        completion: What the model gave.
        pieces: Where the dialect sees calls.
        strict: Forgive nothing.
        result: How a tool result begins in this dialect, where no prose could be taken for it.
        answer: The text for the user, out of all that stands outside calls.
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
                error = "the call stands in a code fence" if strict and json_in_text.in_fence(before) else attempt.error
        elif attempted and before.strip():
            error = error or "there is text after the last call"
    words = "".join(outside)
    if result and result in words:
        error = "it writes a tool result itself"
    if calls and not strict:
        error = None
    named = frozenset() if attempted or strict else json_in_text.named_in(text)
    return ParsedCompletion(tuple(calls), attempted, named, error, answer(words))
