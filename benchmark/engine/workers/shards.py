"""Cuts the prompts of a run into shards. A shard is the part of the prompts that one worker answers in one piece.

- Prompts with the same beginning come into the same shard as far as possible, because an engine reads a common
  beginning only once.
- The first shards are large, because an engine is faster with many prompts. The last shards are small, so that no
  worker waits long for the last one. This is the rule of guided self-scheduling (Polychronopoulos and Kuck, 1987).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from toolmark.benchmark.core.common_beginning import common_beginning

__all__ = ["cut"]

SMALLEST, LARGEST = 16, 256
"""Lowest and highest wished number of prompts in a shard. A shard can have half as many, or one and a half times
as many, so that the cut is at a good place. Only the last shard can be even smaller."""

_SHARE = 2
"""A shard gets the prompts that are left, divided by this number and by the number of workers."""


def cut(prompts: Mapping[int, str], workers: int) -> list[list[int]]:
    """Return the indices of the prompts in shards, in the order in which the shards are handed out.

    Args:
        prompts: The text of each prompt, by index.
        workers: Number of workers.
    """
    ordered = sorted(prompts, key=lambda index: (prompts[index], index))
    texts = [prompts[index] for index in ordered]
    shared = [common_beginning(one, other) for one, other in pairwise(texts)]
    shards: list[list[int]] = []
    start = 0
    while start < len(ordered):
        size = min(LARGEST, max(SMALLEST, -(-(len(ordered) - start) // (_SHARE * workers))))
        end = _end(shared, start, size)
        shards.append(ordered[start:end])
        start = end
    return shards


def _end(shared: Sequence[int], start: int, size: int) -> int:
    """Return the end of the shard that begins at `start`.

    Near the wished size, the cut is where two neighbours have the shortest common beginning.

    Args:
        shared: For each prompt in order, how much it has in common with the next prompt.
        start: Position of the first prompt of the shard.
        size: The wished number of prompts.
    """
    count, last = len(shared) + 1, start + size + size // 2
    if count <= last:
        return count
    possible = range(start + size // 2, last + 1)
    return min(possible, key=lambda end: (shared[end - 1], abs(end - start - size)))
