"""Finds the marks of thoughts among token ids. A mark can be one token or several tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from toolmark.benchmark.dialects.thinking import THOUGHTS, closing_of_open_thought

__all__ = ["LAST_TOKENS", "ThoughtTokens"]

LAST_TOKENS = max(map(len, (*THOUGHTS, *THOUGHTS.values()))) + 1
"""This number of consecutive tokens is enough to contain every mark of a thought, because each token contains at least
one character of the mark. So if a prompt ends with the opening mark of a thought, its last tokens contain the mark."""


class ThoughtTokens:
    """Finds the marks of thoughts.

    Args:
        text: Decodes token ids, including special tokens.
    """

    def __init__(self, text: Callable[[Sequence[int]], str]) -> None:
        self._text = text
        self._pieces: dict[int, str] = {}

    def opened_by(self, prompt: Sequence[int]) -> str | None:
        """Return the closing mark of the thought at the end of a prompt. None if there is no open thought."""
        return closing_of_open_thought(self._text(prompt[-LAST_TOKENS:]))

    def complete(self, mark: str, last: Sequence[int]) -> bool:
        """Return whether the last token in `last` completes the mark. `last` has at most `LAST_TOKENS` tokens."""
        token = last[-1]
        if token not in self._pieces:
            self._pieces[token] = self._text([token])
        if mark[-1] not in self._pieces[token]:
            return False
        return self._text(last).count(mark) > self._text(last[:-1]).count(mark)
