"""Reads the probability of a call from the logits with which an engine chooses tokens. No additional pass is needed.

The *decision* of a completion is its first token that shows whether the completion begins with a call. Before the
decision, there can be thoughts, white-space and *open text*: text with which a call can begin, but also something else.
The probability of a call is a product:

- the probability of each token of the open text, given all tokens before
- the sum of the probabilities of all tokens with which a call begins or goes on (`CallOpening`), at the decision

Thoughts and white-space are not part of the product, so it is the probability of a call after the thought of this
completion. Some completions begin like a call, but go on in another way before the mark of a call is complete. For
them, the product is an upper bound, because a call would also need the rest of the mark. If a completion ends before
its decision, the product at its last token is used. If a completion ends inside a thought, the probability is 0,
because it makes no call.

The probability describes only how a completion begins. If a model writes text and then calls, the probability is that
of the beginning.

With a threshold, the decision is forced. If the probability is above the threshold, only tokens with which a call goes
on are allowed, until the beginning of a call is written. Of these tokens, the most likely is chosen. If the probability
is not above the threshold, none of these tokens is allowed. If the model itself decides in the same way, the completion
does not change.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from toolmark.benchmark.engine.call_decision import CallDecision
from toolmark.benchmark.engine.decode_loop import Choose
from toolmark.benchmark.engine.thought_tokens import ThoughtTokens

if TYPE_CHECKING:
    from torch import Tensor

    from toolmark.benchmark.engine.call_opening import CallOpening

__all__ = ["CallProbability"]


@dataclass(slots=True)
class _State(CallDecision):
    """The state of a sequence before its decision.

    Attributes:
        chances: The probabilities of the tokens with which a call goes on, in the last step.
        forced: Whether a call is forced (True) or an answer is forced (False). None if nothing is forced.
        steered: Whether the model would not call, so the beginning of a call is forced token by token.
    """

    chances: Mapping[int, float] = field(default_factory=dict)
    forced: bool | None = None
    steered: bool = False


class CallProbability:
    """Watches how tokens are chosen, and keeps the probability of a call for each sequence.

    Args:
        opening: The tokens that open a call.
        thoughts: Finds the thought that a prompt opens.
        prompts: The token ids of the prompts by index.
        ends: Tokens that end a completion. A forced answer does not begin with one of these tokens.
        threshold: With a probability above the threshold, a call is forced. Otherwise, an answer in words is forced.
            None if nothing is forced. A threshold needs greedy decoding.

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
        self._opening, self._ends, self._threshold = opening, ends, threshold
        self._open = {index: _State(opening, thoughts.opened_by(ids)) for index, ids in prompts.items()}
        self.found = {index: state.found for index, state in self._open.items() if state.found is not None}

    def watch(self, choose: Choose) -> Choose:
        """Return a function that chooses like `choose`, and calls `before` and `after`."""

        def watched(logits: Tensor, indices: Sequence[int]) -> list[int]:
            if not self._open:
                return choose(logits, indices)
            tokens = choose(self.before(logits, indices), indices)
            self.after(indices, tokens)
            return tokens

        return watched

    def before(self, logits: Tensor, indices: Sequence[int]) -> Tensor:
        """Read the probabilities of the sequences that are at their decision.

        Args:
            logits: The logits, of shape (sequences, vocabulary).
            indices: The indices of the sequences.

        Returns:
            The logits. With a threshold, the logits of all tokens that are not allowed are -inf.
        """
        allowed, size = logits, logits.shape[-1]
        for row, index in enumerate(indices):
            state = self._open.get(index)
            if state is None or state.closing is not None:
                continue
            if not state.steered:
                scores = logits[row].cpu().double().log_softmax(-1)
                openers = [token for token in self._opening.openers(state.text) if token < size]
                self._note(index, state, dict(zip(openers, scores[openers].exp().tolist(), strict=True)))
                if self._threshold is None:
                    continue
                likely = int(scores.argmax())
                self._decide(state, likely, self.found[index] > self._threshold)
            if state.steered or state.forced is False:
                allowed = allowed.clone() if allowed is logits else allowed
            if state.steered:
                # The text can already begin in another way than the dialect writes calls.
                usual = self._opening.usual_openers(state.text) or self._opening.openers(state.text)
                openers = [token for token in usual if token < size]
                allowed[row] = -math.inf
                allowed[row, openers] = logits[row, openers]
            elif state.forced is False:
                allowed[row, self._refused(state, likely)] = -math.inf
        return allowed

    def read(self, index: int, log_probabilities: Mapping[int, float]) -> None:
        """Read the probabilities of a sequence from an engine that returns log-probabilities of some tokens.

        Args:
            index: The index of the sequence.
            log_probabilities: The log-probabilities of tokens in this step. Missing tokens count as impossible.
        """
        state = self._open.get(index)
        if state is not None and state.closing is None:
            openers = (token for token in self._opening.openers(state.text) if token in log_probabilities)
            self._note(index, state, {token: math.exp(min(0.0, log_probabilities[token])) for token in openers})

    def _note(self, index: int, state: _State, chances: Mapping[int, float]) -> None:
        state.chances = chances
        state.note(math.fsum(chances.values()))
        self._keep(index, state)

    def _keep(self, index: int, state: _State) -> None:
        if state.found is not None:
            self.found[index] = state.found

    def _decide(self, state: _State, likely: int, above: bool) -> None:
        """Set `forced` and `steered` if the decision is made now.

        Args:
            state: The state of the sequence.
            likely: The most likely token.
            above: Whether the probability of a call is above the threshold. It never rises before the decision, so a
                probability that is not above the threshold decides at once.
        """
        text = self._opening.after(state.text, likely)
        waits = not text or self._opening.thought(text) is not None or (above and self._opening.undecided(text))
        if state.forced is None and not waits:
            state.forced = above
            state.steered = above and likely not in state.chances

    def _refused(self, state: _State, likely: int) -> list[int]:
        """Return the tokens that are refused because an answer is forced. `likely` is the most likely token."""
        calls = [token for token in state.chances if not self._opening.answers(self._opening.after(state.text, token))]
        return [*calls, *self._ends] if likely in state.chances else calls  # a call must not become an empty answer

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
            state.write(self._opening.piece(token), state.chances.get(token, 0.0))
            self._keep(index, state)
            if state.closing is not None:
                state.forced = None  # a decision before a thought is not final: only the probability after it counts
            elif state.made and not (state.steered and self._unfinished(state.text)):
                del self._open[index]

    def _unfinished(self, text: str) -> bool:
        """Return whether the text leads to a call as the dialect writes it, but is only a part of its beginning."""
        return not self._opening.usual(text) and bool(self._opening.usual_openers(text))
