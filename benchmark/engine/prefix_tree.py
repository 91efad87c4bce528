"""Finds the common prefixes of prompts, and makes a radix tree of them. So the engine reads each prefix only once.

Cases with the same instructions and the same toolbox begin with the same thousands of tokens. Only about the last
hundred tokens differ. In depth-first order, the sequences with the same prefix come one after the other. So a prefix
can be freed after its last sequence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

__all__ = ["Leaf", "Node", "prefix_leaves", "unshared_tokens"]

_SHORTEST = 32
"""Lowest number of tokens of a shared prefix. Shorter prefixes are not shared, because each node of the tree needs
additional operations in each layer for each token."""


@dataclass(slots=True, eq=False)
class Node:
    """A shared prefix.

    Attributes:
        start: Position of the first token of the prefix.
        ids: The token ids of the prefix.
        sequences: Number of sequences that share the prefix.
    """

    start: int
    ids: Sequence[int]
    sequences: int


@dataclass(frozen=True, slots=True)
class Leaf:
    """One sequence, as a leaf of the tree.

    Attributes:
        index: The index of the sequence.
        path: The shared prefixes of the sequence: the nodes from the root of the tree to the leaf.
        start: Position of the first unshared token of the sequence.
        ids: The unshared tokens of the sequence. There is at least one such token.
    """

    index: int
    path: tuple[Node, ...]
    start: int
    ids: Sequence[int]


def prefix_leaves(sequences: Mapping[int, Sequence[int]]) -> Iterator[Leaf]:
    """Yield the leaves of the tree of common prefixes, in depth-first order. Every sequence is one leaf.

    Args:
        sequences: Token ids by index. Every sequence has at least one token.
    """
    ordered = sorted(sequences, key=lambda index: (sequences[index], index))
    pending: list[tuple[list[int], tuple[Node, ...], int]] = [(ordered, (), 0)] if ordered else []
    while pending:
        group, path, start = pending.pop()
        if len(group) == 1:
            yield Leaf(group[0], path, start, sequences[group[0]][start:])
            continue
        first, last = sequences[group[0]], sequences[group[-1]]
        # The last token of a sequence is never shared, because its logits are needed to choose the next token.
        longest = min(len(sequences[index]) for index in group) - 1
        common = next((at for at in range(start, longest) if first[at] != last[at]), longest)
        if common - start >= _SHORTEST:
            path = (*path, Node(start, first[start:common], len(group)))
            start = common
        ended = [index for index in group if len(sequences[index]) == common + 1]
        further = [index for index in group if len(sequences[index]) > common + 1]
        parts = [[index] for index in ended]
        parts += [list(part) for _, part in groupby(further, key=lambda index: sequences[index][common])]
        pending += [(part, path, start) for part in reversed(parts)]


def unshared_tokens(leaves: Sequence[Leaf]) -> int:
    """Return the number of tokens that an engine must read for these sequences. Each shared prefix is counted once."""
    nodes = {id(node): len(node.ids) for leaf in leaves for node in leaf.path}
    return sum(nodes.values()) + sum(len(leaf.ids) for leaf in leaves)
