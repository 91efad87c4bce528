"""The mix `default`: conversations over a real toolbox, with executed calls and a gold for each question.

    query type          share   the right thing
    easy                35%     call; the question names what is wanted
    hard                25%     call; the question speaks around it, often with an aside
    no_tool             12%     plain words; nothing offered helps
    no_tool_fits        12%     plain words; a tool would help, but is not offered
    missing_argument    10%     ask for the argument that is missing
    already_answered     6%     repeat what a result in the conversation says

The catalog's tools are asked for with the phrasings of `patterns/`, any other by its definition (`schema/`).
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
"""Of the conversations by query type; only their proportions count."""


def default_traces(
    maker: ConversationMaker, seed: int, count: int, shares: Mapping[QueryType, float]
) -> Iterator[Trace]:
    """`count` conversations, each from the seed and its index alone, of query types in proportion to `shares`.

    Raises:
        InputError: No tool of the toolbox can be asked for.
    """
    if not maker.wanted():
        raise InputError(
            f"The template generator can ask for no tool of the toolbox {maker.toolbox.name!r}",
            "Offer one that is not held out, and for whose arguments a valid value can be drawn.",
        )
    kinds, weights = list(shares), list(shares.values())
    for index in range(count):
        rng = Random(f"{seed}/{index}")  # noqa: S311 - repeatable, not secret
        yield maker.make(rng, rng.choices(kinds, weights)[0], f"{seed}/{index}")
