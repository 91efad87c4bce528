"""Packs conversations into one row in which every shared prefix stands once.

Conversations over one toolbox begin with the same thousand tokens and differ only in their last hundred. The packed row
is a tree (`engine/prefix_tree.py`): each prefix once, followed by what comes after it in each conversation. Every token
attends only to the tokens before it in its own conversation. Loss and gradients are therefore the same as for one
conversation at a time; the gradient of a prefix is the sum over all conversations that share it.

The loss needs logits only where the model's own words are predicted, so only those logits are computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from toolmark.benchmark.engine.prefix_tree import Node, prefix_leaves

if TYPE_CHECKING:
    from toolmark.benchmark.engine.encoding import Encoded

__all__ = ["PackedRow", "RowPart", "pack"]


@dataclass(frozen=True, slots=True)
class RowPart:
    """Consecutive tokens of a packed row.

    Attributes:
        number: Index among the parts of the row.
        first: Index of the first token in the row.
        tokens: Number of tokens.
        start: Position of the first token in its conversation.
        path: The parts that come before it in its conversation.
    """

    number: int
    first: int
    tokens: int
    start: int
    path: tuple[RowPart, ...] = ()


@dataclass(frozen=True, slots=True)
class PackedRow:
    """A batch as one packed row.

    Attributes:
        ids: Token ids.
        positions: Position of each token in its conversation.
        predicted_from: Indices in the row of the tokens that a supervised token follows.
        targets: The supervised token that follows, one per entry of `predicted_from`.
        origins: Where each target comes from: number of its conversation, and its index in that conversation.
        parts: The parts of the row.
        tokens: Number of tokens of all conversations; a shared prefix counts once per conversation.
    """

    ids: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    predicted_from: list[int] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)
    origins: list[tuple[int, int]] = field(default_factory=list)
    parts: list[RowPart] = field(default_factory=list)
    tokens: int = 0


def pack(conversations: Sequence[Encoded]) -> PackedRow:
    """Pack conversations into one row; each conversation has at least one supervised token."""
    begins = [encoded.supervised.index(True) for encoded in conversations]
    prompts = {index: encoded.ids[: begins[index]] for index, encoded in enumerate(conversations)}
    row = PackedRow(tokens=sum(len(encoded.ids) for encoded in conversations))
    placed: dict[int, RowPart] = {}

    def place(ids: Sequence[int], start: int, path: tuple[RowPart, ...]) -> RowPart:
        part = RowPart(len(row.parts), len(row.ids), len(ids), start, path)
        row.ids.extend(ids)
        row.positions.extend(range(start, start + len(ids)))
        row.parts.append(part)
        return part

    def place_path(nodes: tuple[Node, ...]) -> tuple[RowPart, ...]:
        path: tuple[RowPart, ...] = ()
        for node in nodes:
            if id(node) not in placed:
                placed[id(node)] = place(node.ids, node.start, path)
            path = (*path, placed[id(node)])
        return path

    for leaf in list(prefix_leaves(prompts)):  # a list keeps all nodes alive, so that each `id(node)` stays unique
        encoded = conversations[leaf.index]
        part = place(encoded.ids[leaf.start :], leaf.start, place_path(leaf.path))
        for at in range(begins[leaf.index], len(encoded.ids)):
            if encoded.supervised[at]:
                row.predicted_from.append(part.first + at - 1 - leaf.start)
                row.targets.append(encoded.ids[at])
                row.origins.append((leaf.index, at))
    return row
