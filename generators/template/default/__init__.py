"""The mix `default`: conversations for a real toolbox. Calls are executed, and each question has a right answer.

    query type          share   question                                        right answer
    easy                35%     states the request directly                     a call
    hard                25%     describes a situation instead                   a call
    no_tool             12%     needs no tool                                   plain words
    no_tool_fits        12%     needs a tool that is not offered                plain words
    missing_argument    10%     leaves out a required argument                  a question about this argument
    already_answered     6%     asks for a result that was already given        plain words with this result

If a tool has phrasings in `patterns/`, its questions use these phrasings. The questions for every other tool are made
from the tool's definition (`template/schema`).
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from toolmark.benchmark.core.errors import InputError
from toolmark.generators.template.default.conversations import ConversationMaker

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from toolmark.benchmark.data.traces import QueryType, Trace

__all__ = ["SHARES", "default_traces"]

SHARES: dict[QueryType, float] = {
    "easy": 35,
    "hard": 25,
    "no_tool": 12,
    "no_tool_fits": 12,
    "missing_argument": 10,
    "already_answered": 6,
}
"""Shares of the query types. Only the ratios between the shares matter."""


def default_traces(
    maker: ConversationMaker, seed: int, count: int, shares: Mapping[QueryType, float]
) -> Iterator[Trace]:
    """Yield `count` conversations. Each conversation depends only on the seed and on the conversation's index.

    Args:
        maker: Makes the conversations.
        seed: Seed of all random choices.
        count: Number of conversations.
        shares: Share of each query type. Only the ratios between the shares matter.

    Raises:
        InputError: No question can be made for any tool of the toolbox.
    """
    if not maker.names():
        raise InputError(
            f"the generator 'template' cannot make questions for any tool of the toolbox "
            f"{maker.offered.toolbox.name!r}",
            "Add a tool that is not held out and whose arguments have a simple schema.",
        )
    kinds, weights = list(shares), list(shares.values())
    for index in range(count):
        rng = Random(f"{seed}/{index}")  # noqa: S311 - repeatable, not secret
        yield maker.make(rng, rng.choices(kinds, weights)[0], f"{seed}/{index}")
