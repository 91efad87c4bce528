"""Makes choosing tasks: the first turn contains a short list of tools, and each turn asks which tool fits a request.

These tasks train a model to find the line of a list that fits a request. A choice needs about a dozen tokens in these
tasks, and hundreds of tokens in a conversation with schemas. Because short tasks are cheaper, most choices of the mix
are in these tasks.
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
