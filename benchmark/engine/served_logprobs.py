"""Computes the probability of a call from the log-probabilities that a server returns with the tokens of its answer.

`call_probability.py` defines this probability. A server returns only the most likely tokens, at most 20. So the result
can be a little too low.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from toolmark.benchmark.engine.call_beginning import CallBeginning

if TYPE_CHECKING:
    from inspect_ai.model import Logprob

__all__ = ["MOST_TOKENS", "served_call_probability"]

MOST_TOKENS = 20
"""Number of tokens whose log-probabilities are requested for each token of an answer. OpenAI allows at most 20."""


def served_call_probability(beginning: CallBeginning, tokens: Sequence[Logprob]) -> float | None:
    """Return the probability that an answer begins with a call. None if there are no usable log-probabilities.

    Args:
        beginning: Decides whether a text begins with a call.
        tokens: The tokens of the answer, each with the most likely tokens in its place.
    """
    found: float | None = None
    text, reached, thought, closing = "", 1.0, "", None
    for token in tokens:
        if closing is not None:
            thought += token.token
            if closing in thought:
                text, reached, thought, closing = "", 1.0, "", None
            continue
        places = {one.token: one.logprob for one in (token, *(token.top_logprobs or ()))}
        chances = {
            name: math.exp(min(0.0, chance))
            for name, chance in places.items()
            if beginning.goes_on((text + name).lstrip()) and not math.isnan(chance)
        }
        found = min(1.0, reached * math.fsum(chances.values()))
        text = (text + token.token).lstrip()
        if text:
            reached *= chances.get(token.token, 0.0)
        closing = beginning.thought(text)
        if closing is None and not beginning.undecided(text):
            break
    return found
