"""Separate limits for the thoughts and for the answer of a completion.

A model that thinks can write thousands of tokens before it answers. One limit for thought and answer together is a
problem. If the limit is small, a long thought leaves no room for the call. If the limit is large, an answer that does
not end becomes very long. So the tokens inside thoughts count against `--thinking-tokens`, and all other tokens count
against `--max-tokens`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.dialects.thinking import THOUGHTS
from toolmark.benchmark.engine.thought_tokens import LAST_TOKENS, ThoughtTokens

__all__ = ["ThinkingRoom"]


@dataclass(slots=True)
class _State:
    """The state of a sequence after its last token that was read.

    Attributes:
        closing: The mark that ends the current thought. It is None outside of a thought.
        read: Number of tokens that were read.
        thoughts: Number of read tokens that are inside thoughts. The marks count as part of a thought.
    """

    closing: str | None
    read: int = 0
    thoughts: int = 0


class ThinkingRoom:
    """Decides when completions have used up the tokens for their thoughts or for their answers.

    Args:
        decoding: The decoding options, with a limit for thoughts.
        prompts: The token ids of the prompts by index. A prompt can end with the opening mark of a thought.
        text: Decodes token ids, including special tokens.
    """

    def __init__(
        self, decoding: Decoding, prompts: Mapping[int, Sequence[int]], text: Callable[[Sequence[int]], str]
    ) -> None:
        self._decoding = decoding
        self._tokens = ThoughtTokens(text)
        self._opened = {index: self._tokens.opened_by(ids) for index, ids in prompts.items()}
        self._states: dict[int, _State] = {}

    def used_up(self, index: int, written: Sequence[int]) -> bool:
        """Return whether a sequence with these tokens must end.

        Args:
            index: The index of the prompt.
            written: All new tokens of the sequence. Later calls for the same sequence have more tokens.
        """
        state = self._states.get(index)
        if state is None or state.read > len(written):  # This sequence is new, or begins again.
            self._states[index] = state = _State(self._opened[index])
        while state.read < len(written):
            state.read += 1
            self._read(state, written[max(0, state.read - LAST_TOKENS) : state.read])
        if state.closing is not None:
            return state.thoughts >= self._decoding.thinking_tokens
        return state.read - state.thoughts >= self._decoding.max_tokens

    def _read(self, state: _State, last: Sequence[int]) -> None:
        """Read one token, the last token in `last`, and update the state. The tokens before it have been read."""
        if state.closing is not None:
            state.thoughts += 1
            if self._tokens.complete(state.closing, last):
                state.closing = None
            return
        for opening, closing in THOUGHTS.items():
            if self._tokens.complete(opening, last):
                state.thoughts += 1
                state.closing = closing
                return
