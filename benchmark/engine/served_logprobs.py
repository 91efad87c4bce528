"""Computes the probability of a call from the log-probabilities that a server returns with the tokens of its answer.

`call_probability.py` defines this probability. A server returns only the most likely tokens, at most 20. So the result
can be a little too low.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from toolmark.benchmark.dialects.thinking import closing_without_opening
from toolmark.benchmark.engine.call_beginning import CallBeginning
from toolmark.benchmark.engine.call_decision import CallDecision

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
    text = "".join(token.token for token in tokens).lstrip()
    # A server does not show its prompt, so only the closing mark shows that the prompt opened a thought.
    decision = CallDecision(beginning, None if beginning.opened(text) else closing_without_opening(text))
    for token in tokens:
        places = {one.token: one.logprob for one in (token, *(token.top_logprobs or ()))}
        chances = {
            name: math.exp(min(0.0, chance))
            for name, chance in places.items()
            if beginning.goes_on((decision.text + name).lstrip()) and not math.isnan(chance)
        }
        if decision.closing is None:
            decision.note(math.fsum(chances.values()))
        decision.write(token.token, chances.get(token.token, 0.0))
        if decision.made:
            break
    return decision.found
