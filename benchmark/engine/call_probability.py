"""Reads the probability of a call from the logits with which an engine chooses tokens. No additional pass is needed.

The *decision* of a completion is its first token that shows whether it begins with a call. Thoughts, white-space, and
text with which both a call and an answer can begin come before the decision. The probability of a call is the sum of
the probabilities of all tokens that open a call (`CallOpening`), at the decision, given all tokens before. If a
completion ends before its decision, the last such sum is used.

The probability describes only how a completion begins. If a model writes text and then calls, the probability is that
of the beginning.

With a threshold, the decision is forced: if the probability is above the threshold, the most likely of the opening
tokens is chosen, and otherwise the most likely of the other tokens. So the same completion up to the decision, and the
same probability, decide as without a threshold.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from toolmark.benchmark.engine.decode_loop import Choose
from toolmark.benchmark.engine.thought_tokens import LAST_TOKENS, ThoughtTokens

if TYPE_CHECKING:
    from torch import Tensor

    from toolmark.benchmark.engine.call_opening import CallOpening

__all__ = ["CallProbability"]


@dataclass(slots=True)
class _State:
    """The state of a sequence before its decision.

    Attributes:
        closing: The mark that ends the current thought. None outside of a thought.
        text: The text after all thoughts, without white-space at its beginning.
        last: The last tokens.
        forced: Whether a call is forced (True) or an answer is forced (False). None if nothing is forced.
    """

    closing: str | None
    text: str = ""
    last: list[int] = field(default_factory=list)
    forced: bool | None = None


class CallProbability:
    """Watches how tokens are chosen, and keeps the probability of a call for each sequence.

    Args:
        opening: The tokens that open a call.
        thoughts: Finds the marks of thoughts.
        prompts: The token ids of the prompts by index.
        ends: Tokens that end a completion. If an answer is forced in place of a call, it does not begin with them.
        threshold: If the probability is above the threshold, a call is forced, otherwise an answer is forced. None if
            nothing is forced. A threshold needs greedy decoding.

    Attributes:
        found: The probability of a call by index.
    """

    def __init__(
        self,
        opening: CallOpening,
        thoughts: ThoughtTokens,
        prompts: Mapping[int, Sequence[int]],
        ends: Collection[int] = (),
        threshold: float | None = None,
    ) -> None:
        self.found: dict[int, float] = {}
        self._opening, self._thoughts, self._ends, self._threshold = opening, thoughts, ends, threshold
        self._open = {index: _State(thoughts.opened_by(ids)) for index, ids in prompts.items()}

    def watch(self, choose: Choose) -> Choose:
        """Return a function that chooses like `choose`, and calls `before` and `after`."""

        def watched(logits: Tensor, indices: Sequence[int]) -> list[int]:
            if not self._open:
                return choose(logits, indices)
            tokens = choose(self.before(logits, indices), indices)
            self.after(indices, tokens)
            return tokens

        return watched

    def before(self, logits: Tensor, indices: Sequence[int], temperature: float = 0.0) -> Tensor:
        """Read the probabilities of the sequences that are at their decision.

        Args:
            logits: The logits, of shape (sequences, vocabulary).
            indices: The indices of the sequences.
            temperature: The logits were already divided by this temperature. With 0, they were not.

        Returns:
            The logits. With a threshold, the logits of all tokens that are not allowed are -inf.
        """
        allowed = logits
        for row, index in enumerate(indices):
            state = self._open.get(index)
            if state is None or state.closing is not None:
                continue
            openers = [token for token in self._opening.openers(state.text) if token < logits.shape[-1]]
            scores = logits[row].cpu().double() * (temperature or 1.0)
            opened = scores[openers].logsumexp(-1) if openers else scores.new_tensor(-math.inf)
            self.found[index] = float((opened - scores.logsumexp(-1)).exp().clamp(0, 1))
            likely = int(scores.argmax())
            if self._threshold is None or not self._decides(state, likely):
                continue
            if state.forced is None:
                state.forced = self.found[index] > self._threshold
            allowed = allowed.clone() if allowed is logits else allowed
            if state.forced:
                allowed[row] = -math.inf
                allowed[row, openers] = logits[row, openers]
            else:
                ends = self._ends if likely in openers else ()  # else a call would become an empty answer
                allowed[row, [*self._calls(state.text, openers), *ends]] = -math.inf
        return allowed

    def _decides(self, state: _State, likely: int) -> bool:
        """Return whether the decision is made now or was made before. `likely` is the most likely token."""
        text = self._opening.after(state.text, likely)
        return state.forced is not None or not (self._opening.undecided(text) or self._opening.thought(text))

    def _calls(self, before: str, openers: Sequence[int]) -> list[int]:
        """Return the tokens with which a call goes on, but no answer."""
        return [token for token in openers if not self._opening.answers(self._opening.after(before, token))]

    def after(self, indices: Sequence[int], tokens: Sequence[int]) -> None:
        """Take note of the chosen tokens.

        Args:
            indices: The indices of the sequences.
            tokens: The token that was chosen for each sequence.
        """
        for index, token in zip(indices, tokens, strict=True):
            state = self._open.get(index)
            if state is None:
                continue
            state.last = [*state.last, token][-LAST_TOKENS:]
            if state.closing is not None:
                if self._thoughts.complete(state.closing, state.last):
                    state.closing, state.text = None, ""
                continue
            state.text = self._opening.after(state.text, token)
            state.closing = self._opening.thought(state.text)
            if state.closing is None and not self._opening.undecided(state.text):
                del self._open[index]
