"""The cache of keys and values (KV cache). It consists of blocks and of batch slots.

- A block contains the keys and values of consecutive tokens, usually of a prefix that several sequences share.
- A batch slot contains the keys and values of the tokens of one sequence that are not in blocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["BatchSlot", "BatchSlots", "KVBlock"]


class KVBlock:
    """Keys and values of consecutive tokens. In each layer, their shape is (key heads, tokens, size).

    Args:
        start: Position of the first token.
        room: Number of tokens for which the block has space.

    Attributes:
        start: Position of the first token.
        length: Number of tokens in the block.
    """

    def __init__(self, start: int, room: int) -> None:
        self.start = start
        self.length = 0
        self._room = room
        self._layers: dict[int, tuple[Tensor, Tensor]] = {}

    def write(self, layer: int, key: Tensor, value: Tensor) -> None:
        """Store the keys and values of new tokens in a layer, after those of the earlier tokens.

        When all layers have stored the new tokens, the caller must add the number of new tokens to `length`.
        """
        if layer not in self._layers:
            shape = (key.shape[0], self._room, key.shape[2])
            self._layers[layer] = (key.new_empty(shape), value.new_empty(shape))
        for store, fresh in zip(self._layers[layer], (key, value), strict=True):
            store[:, self.length : self.length + fresh.shape[1]] = fresh

    def read(self, layer: int, count: int, first: int = 0) -> tuple[Tensor, Tensor]:
        """Return the keys and values of the tokens from index `first` to index `count` - 1."""
        keys, values = self._layers[layer]
        return keys[:, first:count], values[:, first:count]


class BatchSlots:
    """The keys and values of the tokens that are not in blocks, for all sequences in a batch.

    Each sequence has one slot. The slots with a sequence come first, then the free slots.

    Args:
        count: Number of slots.

    Attributes:
        starts: Position of the first token of each slot.
        lengths: Number of tokens in each slot.
    """

    _STEP = 64

    def __init__(self, count: int) -> None:
        import torch

        self.starts = torch.zeros(count, dtype=torch.long)
        self.lengths = torch.zeros(count, dtype=torch.long)
        self._layers: dict[int, tuple[Tensor, Tensor]] = {}

    def reserve(self, layer: int, like: Tensor, room: int) -> tuple[Tensor, Tensor]:
        """Make sure that the slots of a layer have enough space.

        Args:
            layer: Index of the layer.
            like: Keys or values of shape (key heads, tokens, size). The slots have the data type and device of `like`.
            room: Number of tokens for which each slot must have space.

        Returns:
            Keys and values of the layer, of shape (slots, key heads, tokens, size).
        """
        stores = self._layers.get(layer)
        if stores is None or stores[0].shape[2] < room:
            room = -(-room // self._STEP) * self._STEP
            shape = (len(self.lengths), like.shape[0], room, like.shape[2])
            grown = (like.new_zeros(shape), like.new_zeros(shape))
            for fresh, old in zip(grown, stores or (), strict=False):
                fresh[:, :, : old.shape[2]] = old
            self._layers[layer] = stores = grown
        return stores

    def layer(self, layer: int) -> tuple[Tensor, Tensor]:
        """Return the keys and values of a layer, of shape (slots, key heads, tokens, size)."""
        return self._layers[layer]

    def move(self, source: int, target: int) -> None:
        """Copy the content of the slot `source` into the slot `target`."""
        import torch

        length = int(self.lengths[source])
        with torch.inference_mode():
            for store in (store for stores in self._layers.values() for store in stores):
                store[target, :, :length] = store[source, :, :length]
        self.starts[target], self.lengths[target] = self.starts[source], self.lengths[source]

    def move_to_block(self, index: int, before: KVBlock | None) -> KVBlock:
        """Move the tokens of a slot into a new block, and return the block. The slot is then empty.

        Args:
            index: The slot.
            before: The block with the tokens directly before those in the slot, or None if there is no such block. Its
                tokens are copied to the beginning of the new block.
        """
        import torch

        start, length = int(self.starts[index]), int(self.lengths[index])
        block = KVBlock(start, length) if before is None else KVBlock(before.start, before.length + length)
        with torch.inference_mode():
            for layer, stores in self._layers.items():
                fresh = [store[index, :, :length] for store in stores]
                if before is not None:
                    fresh = [
                        torch.cat(parts, dim=1) for parts in zip(before.read(layer, before.length), fresh, strict=True)
                    ]
                block.write(layer, *fresh)
        block.length = start + length - block.start
        self.starts[index], self.lengths[index] = start + length, 0
        return block


class BatchSlot:
    """One slot of a batch. It has the same methods as `KVBlock`.

    Args:
        slots: All slots.
        index: The slot.
        start: Position of the first token of the slot.
    """

    def __init__(self, slots: BatchSlots, index: int, start: int) -> None:
        self._slots, self._index = slots, index
        self.start = start
        slots.starts[index], slots.lengths[index] = start, 0

    @property
    def length(self) -> int:
        """Return the number of tokens in the slot."""
        return int(self._slots.lengths[self._index])

    @length.setter
    def length(self, length: int) -> None:
        self._slots.lengths[self._index] = length

    def write(self, layer: int, key: Tensor, value: Tensor) -> None:
        """Store keys and values in the slot, as `KVBlock.write` does in a block."""
        first, end = self.length, self.length + key.shape[1]
        for store, fresh in zip(self._slots.reserve(layer, key, end), (key, value), strict=True):
            store[self._index, :, first:end] = fresh

    def read(self, layer: int, count: int, first: int = 0) -> tuple[Tensor, Tensor]:
        """Return keys and values of the slot, as `KVBlock.read` does for a block."""
        keys, values = self._slots.layer(layer)
        return keys[self._index, :, first:count], values[self._index, :, first:count]
