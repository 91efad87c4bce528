"""Separate limits for the thoughts and for the answer of a completion.

A model that thinks may write thousands of tokens before it answers. With one limit for both, a long thought leaves no
room for the call, or a limit that is large enough for the thought lets an answer run on. So the tokens inside thoughts
count against `--thinking-tokens`, and all other tokens count against `--max-tokens`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.dialects.thinking import MARKS, closing_of_open_thought

__all__ = ["LAST_TOKENS", "ThinkingRoom"]

LAST_TOKENS = max(map(len, (*MARKS, *MARKS.values()))) + 1
"""The number of tokens that contain a mark, and of a prompt's last tokens that may open a thought. A token has at least
one character of a mark."""


@dataclass(slots=True)
class _State:
    """What is known about a sequence.

    Attributes:
        closing: The mark that ends the current thought. None outside of a thought.
        read: Number of tokens that were read.
        thoughts: Number of these tokens that are inside a thought. The marks count as part of the thought.
    """

    closing: str | None
    read: int = 0
    thoughts: int = 0


class ThinkingRoom:
    """Decides when completions have used up the tokens for their thoughts or for their answers.

    Args:
        decoding: The decoding options, with a limit for thoughts.
        prompts: The token ids of the prompts by index. A prompt may open a thought.
        text: Decodes token ids, including special tokens.
    """

    def __init__(
        self, decoding: Decoding, prompts: Mapping[int, Sequence[int]], text: Callable[[Sequence[int]], str]
    ) -> None:
        self._decoding = decoding
        self._text = text
        self._opened = {index: closing_of_open_thought(text(ids[-LAST_TOKENS:])) for index, ids in prompts.items()}
        self._states: dict[int, _State] = {}
        self._pieces: dict[int, str] = {}

    def used_up(self, index: int, written: Sequence[int]) -> bool:
        """Return whether a sequence with these tokens must end.

        Args:
            index: The index of the prompt.
            written: All new tokens of the sequence. Later calls for the same sequence have more tokens.
        """
        state = self._states.get(index)
        if state is None or state.read > len(written):  # the sequence begins again
            self._states[index] = state = _State(self._opened[index])
        while state.read < len(written):
            state.read += 1
            self._read(state, written[max(0, state.read - LAST_TOKENS) : state.read])
        if state.closing is not None:
            return state.thoughts >= self._decoding.thinking_tokens
        return state.read - state.thoughts >= self._decoding.max_tokens

    def _read(self, state: _State, last: Sequence[int]) -> None:
        """Read the last of these tokens."""
        if state.closing is not None:
            state.thoughts += 1
            if self._completes(state.closing, last):
                state.closing = None
            return
        for opening, closing in MARKS.items():
            if self._completes(opening, last):
                state.thoughts += 1
                state.closing = closing
                return

    def _completes(self, mark: str, last: Sequence[int]) -> bool:
        """Return whether the last token completes a mark."""
        token = last[-1]
        if token not in self._pieces:
            self._pieces[token] = self._text([token])
        if mark[-1] not in self._pieces[token]:
            return False
        return self._text(last).count(mark) > self._text(last[:-1]).count(mark)
