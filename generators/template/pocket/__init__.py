"""The mix `pocket`: the training data of the embedded base model. The mix needs only word lists.

There are five kinds of conversations. `Trace.source` contains the kind: `pocket/copy`, `pocket/choose`, `pocket/chat`,
`pocket/call` or `pocket/abstain`. Training has two stages, with different shares of the kinds:

    progress     copy   choose   call   abstain   chat    tools offered
    0    – 0.57  65%    20%      8%     3%        4%      1–2
    0.57 – 1     32%    18%      28%    12%       10%     1–6 (in 10% of the conversations: 8–20)

The first stage is needed. If a small model begins with the second stage, the model learns to choose a tool, but does
not learn to fill in the arguments.

A trace depends only on the seed, the index of the trace, and the number of all traces. So any part of the stream can be
made again without the rest.
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
"""Share of the traces that are in the first stage. These traces are short, so they have only a third of the tokens."""

_KINDS = ("copy", "choose", "call", "abstain", "chat")
_FIRST_SHARES = (65, 20, 8, 3, 4)
_SECOND_SHARES = (32, 18, 28, 12, 10)


def _toolbox_size(rng: Random, first: bool) -> int:
    if first:
        return rng.randint(1, 2)
    if rng.random() < 0.1:
        return rng.randint(8, 20)
    return rng.choices((1, 2, 3, 4, 5, 6), (14, 22, 24, 18, 12, 10))[0]


def pocket_trace(rng: Random, progress: float) -> Trace:
    """Return one conversation of the mix.

    Args:
        rng: Source of all random choices.
        progress: Progress of training, from 0 at the start to 1 at the end.
    """
    first = progress < FIRST_STAGE
    kind = rng.choices(_KINDS, _FIRST_SHARES if first else _SECOND_SHARES)[0]
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
    return chatting(rng, [invented.tool for invented in offered])


def pocket_traces(seed: int, count: int) -> Iterator[Trace]:
    """Yield `count` conversations in the order of training.

    Args:
        seed: Seed of all random choices.
        count: Number of conversations. The lengths of the two stages are shares of this number.
    """
    for index in range(count):
        yield pocket_trace(Random(f"{seed}/{index}"), index / count)  # noqa: S311 - repeatable, not secret
