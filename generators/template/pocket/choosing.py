"""Choosing tasks. The first turn contains a short list of tools. Each turn asks which tool can do something.

These tasks train a model to choose a tool, that is, to find the line of a list that fits a request. Here a choice needs
about a dozen tokens. In a conversation with schemas, a choice needs hundreds of tokens. So most choices of the mix are
in these tasks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolmark.generators.template.pocket import unvalidated_traces as build
from toolmark.generators.template.pocket.tools import make_toolbox, purpose

if TYPE_CHECKING:
    from random import Random

    from toolmark.benchmark.data.traces import Trace

__all__ = ["choosing"]

_FIRST = (
    "{0}\nWhich of these would {1}?",
    "Which one can {1}?\n{0}",
    "I want to {1}. Name the right one.\n{0}",
    "{0}\nName the one to {1}.",
)
_NEXT = ("And to {0}?", "Which would {0}?", "I want to {0}.", "Name the one to {0}.", "{0}?", "Now {0}.")
_NONE = "None of these."


def choosing(rng: Random, size: int) -> Trace:
    """Return a task with two to eight tools and three to six questions. For some of the questions, no tool fits.

    Args:
        rng: Source of all random choices.
        size: From 1 to 3. A greater size gives longer lists.
    """
    box = make_toolbox(rng, rng.randint(2, 2 + 2 * size) + 1)
    *offered, absent = box
    lines = "\n".join(f"{one.name}: {one.tool.description}" for one in offered)
    messages = []
    for turn in range(rng.randint(3, 6)):
        wanted = absent if rng.random() < 0.15 else rng.choice(offered)
        wish = purpose(rng, wanted)
        ask = rng.choice(_NEXT).format(wish) if turn else rng.choice(_FIRST).format(lines, wish)
        messages += [build.user(ask), build.answer(_NONE if wanted is absent else wanted.name)]
    return build.trace(messages, (), query=messages[0].content, query_type="no_tool", source="pocket/choose")
