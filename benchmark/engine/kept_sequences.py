"""Keeps the keys and values of sequences that have ended, because later prompts continue them.

In a conversation, each prompt begins with the tokens of the prompt before. So only the tokens after the common
beginning must be read.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass

from toolmark.benchmark.core.common_beginning import common_beginning
from toolmark.benchmark.engine.kv_cache import KVBlock, OwnTokens

__all__ = ["Beginning", "KeptSequences"]


@dataclass(frozen=True, slots=True)
class Beginning:
    """The known beginning of a sequence.

    Attributes:
        path: The blocks of the prefixes that the sequence shares with others.
        own: The tokens after these blocks.
        length: Number of known tokens, from the first token of the sequence. `own` can contain more tokens after the
            known tokens.
    """

    path: tuple[KVBlock, ...]
    own: KVBlock
    length: int


class KeptSequences:
    """Sequences that have ended, with their keys and values.

    Args:
        room: Highest number of tokens whose keys and values are kept. A block that several sequences share is counted
            once. When there is no room, further sequences are not kept.
    """

    def __init__(self, room: int = 0) -> None:
        self._room = room
        self._kept: list[tuple[list[int], Beginning]] = []
        self._blocks: set[KVBlock] = set()

    @property
    def tokens(self) -> int:
        """Return the number of tokens whose keys and values are kept."""
        return sum(one.own.length for _, one in self._kept) + sum(block.length for block in self._blocks)

    def add(self, ids: Sequence[int], path: tuple[KVBlock, ...], own: OwnTokens) -> None:
        """Keep a sequence, if there is room.

        Args:
            ids: All tokens of the sequence. The keys and values of the last tokens can be unknown.
            path: The blocks of the sequence.
            own: The tokens after these blocks.
        """
        new = [block for block in path if block not in self._blocks]
        if self.tokens + own.length + sum(block.length for block in new) > self._room:
            return
        block = KVBlock(own.start, own.length)
        own.copy_to(block, own.length)
        length = own.start + own.length
        self._blocks.update(new)
        insort(self._kept, (list(ids[:length]), Beginning(path, block, length)), key=lambda kept: kept[0])

    def beginning(self, ids: Sequence[int]) -> Beginning | None:
        """Return the longest known beginning of a prompt. Return None if not even one whole shared prefix is known.

        The last token of the prompt is never part of the beginning, because its logits are needed.
        """
        wanted = list(ids)
        # In alphabetical order, the sequence with the longest common beginning is a neighbour.
        place = bisect_left(self._kept, wanted, key=lambda kept: kept[0])
        found = [
            Beginning(one.path, one.own, min(common_beginning(wanted, known), len(wanted) - 1))
            for known, one in self._kept[max(0, place - 1) : place + 1]
        ]
        usable = [one for one in found if one.length > 0 and one.length >= one.own.start]
        return max(usable, key=lambda one: one.length, default=None)

    def clear(self) -> None:
        """Forget all sequences, and do not keep further sequences."""
        self._room = 0
        self._kept.clear()
        self._blocks.clear()
