"""Toolboxes that many conversations share. Each has a name.

If many questions come with the same list of tools, a model must read the question to choose. An engine that caches
common prefixes of prompts reads such a list only once.
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
    """Draw `count` lists of tools from `toolbox`.

    The tools that can be the right one are spread over the lists, as far as there is room. The lengths of the lists are
    drawn evenly on a logarithmic scale. A long list fits more conversations than a short one, so that about as many
    conversations have a long list as a short one.

    Args:
        toolbox: All tools.
        asked: Names of the tools that can be the right one.
        distractors: Fewest and most tools beside the right one.
        count: Number of lists.
        seed: Seed of the random choices.
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
