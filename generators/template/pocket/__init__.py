"""The mix `pocket`: what the embedded base model is trained on, from nothing but word lists.

Five kinds of conversation, told by `Trace.source`: `pocket/copy`, `/choose`, `/chat`, `/call` and `/abstain`. The mix
follows the progress of training, because a small model that is shown everything at once learns to choose a tool but not
to fill its arguments:

    progress     copy   choose   call   abstain   chat    tools offered
    0    – 0.57  65%    20%      8%     3%        4%      1–2
    0.57 – 1     32%    18%      28%    12%       10%     1–6, one time in ten 8–20

A trace depends on the seed, its index and the count alone, so any part of the stream can be made again by itself.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from toolmark.generators.template.pocket.calling import abstaining, calling
from toolmark.generators.template.pocket.chat import chatting
from toolmark.generators.template.pocket.choosing import choosing
from toolmark.generators.template.pocket.copying import copying
from toolmark.generators.template.pocket.tools import make_toolbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolmark.benchmark.data.traces import Trace

__all__ = ["FIRST_STAGE", "pocket_trace", "pocket_traces"]

FIRST_STAGE = 0.57
"""Until this share of the traces, copying dominates and tool lists are short: about a third of the tokens."""

_KINDS = ("copy", "choose", "call", "abstain", "chat")
_FIRST_MIX = (65, 20, 8, 3, 4)
_SECOND_MIX = (32, 18, 28, 12, 10)


def _toolbox_size(rng: Random, first: bool) -> int:
    if first:
        return rng.randint(1, 2)
    if rng.random() < 0.1:
        return rng.randint(8, 20)
    return rng.choices((1, 2, 3, 4, 5, 6), (14, 22, 24, 18, 12, 10))[0]


def pocket_trace(rng: Random, progress: float) -> Trace:
    """One conversation of the mix at `progress` (0 at the start of training, 1 at its end)."""
    first = progress < FIRST_STAGE
    kind = rng.choices(_KINDS, _FIRST_MIX if first else _SECOND_MIX)[0]
    match kind:
        case "copy":
            return copying(rng, 1 if first else rng.randint(1, 3))
        case "choose":
            return choosing(rng, 1 if first else rng.randint(1, 3))
        case "call":
            return calling(rng, _toolbox_size(rng, first), explicit=0.4 if first else 0.1)
        case "abstain":
            return abstaining(rng, _toolbox_size(rng, first))
    offered = make_toolbox(rng, _toolbox_size(rng, first)) if rng.random() < 0.6 else []
    return chatting(rng, [made.tool for made in offered])


def pocket_traces(seed: int, count: int) -> Iterator[Trace]:
    """`count` conversations in training order, one at a time.

    Args:
        seed: The same seed gives the same conversations.
        count: How many, which also scales the two stages.
    """
    for index in range(count):
        yield pocket_trace(Random(f"{seed}/{index}"), index / count)  # noqa: S311 - repeatable, not secret
