"""Lets the trivial policies hold conversations. They take the place of a model in a scenario.

- `oracle` makes the calls of the gold, one in each answer, and then gives the answer of the gold.
- Every other policy answers the message of the user as in `trivial.py`. After its calls, the policy answers in words.
"""

from __future__ import annotations

from random import Random

from toolmark.benchmark.data.cases import Abstain, Case
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.policies.trivial import POLICIES
from toolmark.benchmark.scoring.conversations import Conversation
from toolmark.benchmark.scoring.gold import written

__all__ = ["next_answer"]

_ORACLE = "oracle"
_WORDS = "never"


def next_answer(name: str, conversation: Conversation, rng: Random) -> Completion:
    """Return the next answer of a policy in a conversation.

    Args:
        name: Name of the policy.
        conversation: The conversation so far.
        rng: The source of all random choices.
    """
    case = _case(conversation)
    if name == _ORACLE:
        gold = conversation.scenario.turns[conversation.turn - 1].gold
        rest = gold.calls[len(conversation.calls) :]
        return written(case, rest[:1], conversation.dialect, "" if rest else gold.answer)
    return POLICIES[_WORDS if conversation.calls else name](case, conversation.dialect, rng)


def _case(conversation: Conversation) -> Case:
    """Return the next question of a conversation as a case. A trivial policy reads a case."""
    scenario = conversation.scenario
    return Case(
        messages=tuple(conversation.messages),
        toolbox=scenario.offered(conversation.turn),
        expect=Abstain(action="abstain", reason="no_tool_needed"),
        source=scenario.source,
        licence=scenario.licence,
    )
