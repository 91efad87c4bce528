"""What prompts have in common: a radix tree over token ids, so that every shared prefix is read once.

Cases that share instructions and a toolbox begin with the same thousands of tokens and differ in their last hundred.
Depth-first order keeps rows of one prefix together: each node is needed for one stretch of the work and then never
again, so it can be dropped after its last row instead of being guessed at by an eviction rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

__all__ = ["Leaf", "Node", "prefix_leaves"]

_SHORTEST = 32
"""Tokens from which a prefix is shared: a node costs every row beneath it a few operations a layer and token."""


@dataclass(slots=True, eq=False)
class Node:
    """Tokens that several rows share, from position `start` on."""

    start: int
    ids: Sequence[int]
    rows: int


@dataclass(frozen=True, slots=True)
class Leaf:
    """One row: the nodes on its way from the root, and its own tokens from position `start` on, at least one."""

    index: int
    path: tuple[Node, ...]
    start: int
    ids: Sequence[int]


def prefix_leaves(rows: Mapping[int, Sequence[int]]) -> Iterator[Leaf]:
    """Every row once, depth first through the tree that their common prefixes make.

    Args:
        rows: Token ids by index, none empty.
    """
    ordered = sorted(rows, key=lambda index: (rows[index], index))
    waiting: list[tuple[list[int], tuple[Node, ...], int]] = [(ordered, (), 0)] if ordered else []
    while waiting:
        group, path, start = waiting.pop()
        if len(group) == 1:
            yield Leaf(group[0], path, start, rows[group[0]][start:])
            continue
        first, last = rows[group[0]], rows[group[-1]]
        # A row keeps its last token for itself: what follows it is to be computed.
        longest = min(len(rows[index]) for index in group) - 1
        common = next((at for at in range(start, longest) if first[at] != last[at]), longest)
        if common - start >= _SHORTEST:
            path = (*path, Node(start, first[start:common], len(group)))
            start = common
        ended = [index for index in group if len(rows[index]) == common + 1]
        further = [index for index in group if len(rows[index]) > common + 1]
        parts = [[index] for index in ended]
        parts += [list(part) for _, part in groupby(further, key=lambda index: rows[index][common])]
        waiting += [(part, path, start) for part in reversed(parts)]
