"""Draws the toolbox for a conversation: the right tool with other tools, or a list that many conversations share.

Shared lists have two advantages. First, the list does not show which tool is right, so a model must read the question.
Second, an engine that caches common prefixes of prompts processes each list only once.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log
from random import Random
from typing import TYPE_CHECKING

from toolmark.benchmark.data.cases import Tool, Toolbox

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["OfferedToolboxes", "shared_toolboxes"]


@dataclass(frozen=True, slots=True)
class OfferedToolboxes:
    """Draws toolboxes from the tools of `toolbox`.

    Attributes:
        toolbox: All tools.
        distractors: Lowest and highest number of tools that are offered in addition to the right tool.
        borrowed: Further tools. These tools are offered too if the toolbox has too few tools.
        shared: Lists of tools that many conversations share. If one of these lists fits a conversation, the
            conversation offers this list.
    """

    toolbox: Toolbox
    distractors: tuple[int, int]
    borrowed: tuple[Tool, ...] = ()
    shared: tuple[Toolbox, ...] = ()

    def draw(self, rng: Random, wanted: str | None, without: Sequence[str] = ()) -> Toolbox:
        """Draw a toolbox in random order.

        Args:
            rng: Source of all random choices.
            wanted: A tool that must be offered. None if no particular tool is required.
            without: Tools that must not be offered.
        """
        if fitting := [
            box for box in self.shared if (not wanted or wanted in box.names) and box.by_name.keys().isdisjoint(without)
        ]:
            return rng.choice(fitting)
        others = [tool for tool in self.toolbox.tools if tool.name != wanted and tool.name not in without]
        fewest, most = self.distractors
        count = rng.randint(fewest, most)
        if count > len(others) and self.borrowed:
            avoided = {name for name in (*without, wanted) if name}
            free = [tool for tool in self.borrowed if tool.name not in avoided]
            others += rng.sample(free, min(count - len(others), len(free)))
        offered = rng.sample(others, min(count, len(others))) + ([self.toolbox[wanted]] if wanted else [])
        rng.shuffle(offered)
        return Toolbox(name="", tools=tuple(offered))


def shared_toolboxes(
    toolbox: Toolbox, asked: Sequence[str], distractors: tuple[int, int], count: int, seed: int
) -> tuple[Toolbox, ...]:
    """Draw `count` lists of tools from `toolbox`.

    The tools of `asked` are spread evenly over the lists, as far as there is room. There are more short lists than long
    lists, because the lengths are drawn evenly on a logarithmic scale. But each long list fits more conversations than
    a short list. As a result, all short lists together are used about as often as all long lists together.

    Args:
        toolbox: All tools.
        asked: Names of the tools that can be the right tool.
        distractors: Lowest and highest number of tools in addition to the right tool.
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
