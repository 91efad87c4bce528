"""Packs conversations into one row that contains every shared prefix only once.

Conversations with the same toolbox often begin with the same thousand tokens and differ only in the last hundred
tokens. The packed row is a tree (`engine/prefix_tree.py`). Each prefix occurs once, and its different continuations
follow. Every token attends only to earlier tokens of the same conversation. So loss and gradients are the same as for
separate conversations.

The loss needs logits only at positions that predict a supervised token, so only these logits are computed.
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
    """Consecutive tokens of a packed row (one row with the tokens of several conversations).

    Attributes:
        number: Index of this part among the parts of the row.
        first: Index in the row of the first token of this part.
        tokens: Number of tokens.
        start: Position of the first token in its conversation.
        path: The earlier parts of the same conversation.
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
        predicted_from: Index in the row of each token that comes directly before a supervised token.
        targets: For each entry of `predicted_from`, the supervised token that follows.
        origins: For each target, the number of its conversation and its index in this conversation.
        parts: The parts of the row.
        tokens: Number of tokens of all conversations. A shared prefix is counted once for each conversation.
    """

    ids: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    predicted_from: list[int] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)
    origins: list[tuple[int, int]] = field(default_factory=list)
    parts: list[RowPart] = field(default_factory=list)
    tokens: int = 0


def pack(conversations: Sequence[Encoded]) -> PackedRow:
    """Return conversations as one packed row. Each conversation must have at least one supervised token."""
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

    for leaf in list(prefix_leaves(prompts)):  # the list keeps all nodes in memory, so every `id(node)` is unique
        encoded = conversations[leaf.index]
        part = place(encoded.ids[leaf.start :], leaf.start, place_path(leaf.path))
        for at in range(begins[leaf.index], len(encoded.ids)):
            if encoded.supervised[at]:
                row.predicted_from.append(part.first + at - 1 - leaf.start)
                row.targets.append(encoded.ids[at])
                row.origins.append((leaf.index, at))
    return row
