"""Toolboxes that many conversations share, each under a name of its own.

A model that has seen one list asked of in many ways must read the question; and a list that is always the same is read
once by an engine that keeps what prompts have in common.
"""

from __future__ import annotations

from math import exp, log
from random import Random
from typing import TYPE_CHECKING

from toolmark.benchmark.data.cases import Toolbox

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["shared_toolboxes"]


def shared_toolboxes(
    toolbox: Toolbox, asked: Sequence[str], distractors: tuple[int, int], count: int, seed: int
) -> tuple[Toolbox, ...]:
    """`count` lists of tools from `toolbox`; those that are asked for are spread over them, so far as there is room.

    Their lengths are drawn evenly on a logarithmic scale. A list serves requests in proportion to its length, so that
    the conversations are then about even over all lengths.

    Args:
        toolbox: The tools.
        asked: Names of those that can be the right one.
        distractors: Fewest and most tools beside the right one.
        count: How many lists.
        seed: Of the draws.
    """
    rng = Random(f"{seed}/toolboxes")  # noqa: S311 - repeatable, not secret
    spread = rng.sample(asked, len(asked))
    boxes: list[Toolbox] = []
    for index in range(count):
        size = round(exp(rng.uniform(*(log(1 + many) for many in distractors))))
        core = spread[index::count][:size]
        others = [name for name in toolbox.names if name not in core]
        names = core + rng.sample(others, min(size - len(core), len(others)))
        rng.shuffle(names)
        boxes.append(Toolbox(name=f"{toolbox.name}_{index + 1}", tools=tuple(toolbox[name] for name in names)))
    return tuple(boxes)
