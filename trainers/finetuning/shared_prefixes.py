"""Batches in which every shared prefix is computed once: the same gradients as one conversation at a time, for less.

Conversations over one toolbox begin with the same thousand tokens and differ in their last hundred. Laid out as a tree
(`engine/prefix_tree.py`), a batch is one packed row: each prefix once, then what follows it in each conversation.
Every token attends to what stands before it in its own conversation and to nothing else, so that loss and gradients are
those of the conversations one by one; the gradient of a prefix is the sum over all that follows it.

The loss needs logits only where the model's own words are predicted: the rest are never computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from toolmark.benchmark.engine.prefix_tree import Node, prefix_leaves

if TYPE_CHECKING:
    from toolmark.benchmark.engine.encoding import Encoded

__all__ = ["Part", "Row", "pack"]


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive tokens of a packed row.

    Attributes:
        number: Among the parts of the row.
        first: Place of the first token in the row.
        tokens: How many there are.
        start: Position of the first token in its conversation.
        path: The parts that stand before it in its conversation.
    """

    number: int
    first: int
    tokens: int
    start: int
    path: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A batch as one packed row.

    Attributes:
        ids: Token ids.
        positions: Of each token in its conversation.
        places: Places in the row from which a supervised token is predicted.
        targets: That token, for each place.
        origins: And where it stands: the number of its conversation, and its place in it.
        parts: Of what the row is made.
        tokens: Tokens of the conversations one by one, prefixes counted as often as they occur.
    """

    ids: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)
    origins: list[tuple[int, int]] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    tokens: int = 0


def pack(conversations: Sequence[Encoded]) -> Row:
    """Lay out conversations, each with something supervised, as one row."""
    begins = [encoded.supervised.index(True) for encoded in conversations]
    prompts = {index: encoded.ids[: begins[index]] for index, encoded in enumerate(conversations)}
    row = Row(tokens=sum(len(encoded.ids) for encoded in conversations))
    placed: dict[int, Part] = {}

    def place(ids: Sequence[int], start: int, path: tuple[Part, ...]) -> Part:
        part = Part(len(row.parts), len(row.ids), len(ids), start, path)
        row.ids.extend(ids)
        row.positions.extend(range(start, start + len(ids)))
        row.parts.append(part)
        return part

    def reach(nodes: tuple[Node, ...]) -> tuple[Part, ...]:
        path: tuple[Part, ...] = ()
        for node in nodes:
            if id(node) not in placed:
                placed[id(node)] = place(node.ids, node.start, path)
            path = (*path, placed[id(node)])
        return path

    for leaf in list(prefix_leaves(prompts)):  # a list: nodes are told apart by identity while all of them live
        encoded = conversations[leaf.index]
        part = place(encoded.ids[leaf.start :], leaf.start, reach(leaf.path))
        for at in range(begins[leaf.index], len(encoded.ids)):
            if encoded.supervised[at]:
                row.places.append(part.first + at - 1 - leaf.start)
                row.targets.append(encoded.ids[at])
                row.origins.append((leaf.index, at))
    return row
