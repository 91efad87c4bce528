"""Where keys and values are kept: spans, which sequences share, and a slot for each sequence's own tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Slot", "Slots", "Span"]


class Span:
    """Keys and values of tokens at the positions from `start` on, for each layer (key heads, tokens, size).

    Args:
        start: Position of the first token.
        room: How many tokens there will be.
    """

    def __init__(self, start: int, room: int) -> None:
        self.start = start
        self.length = 0
        self._room = room
        self._layers: dict[int, tuple[Tensor, Tensor]] = {}

    def write(self, layer: int, key: Tensor, value: Tensor) -> None:
        """Keep keys and values behind those that are there; `length` is the caller's to raise after the last layer."""
        if layer not in self._layers:
            shape = (key.shape[0], self._room, key.shape[2])
            self._layers[layer] = (key.new_empty(shape), value.new_empty(shape))
        for store, fresh in zip(self._layers[layer], (key, value), strict=True):
            store[:, self.length : self.length + fresh.shape[1]] = fresh

    def read(self, layer: int, count: int, first: int = 0) -> tuple[Tensor, Tensor]:
        """Keys and values of the tokens `first` to `count`."""
        keys, values = self._layers[layer]
        return keys[:, first:count], values[:, first:count]


class Slots:
    """Own tokens of the sequences that are being written: one slot each, the occupied ones always in front.

    Attributes:
        starts: Position of each slot's first token.
        lengths: Tokens in each slot.
    """

    _STEP = 64

    def __init__(self, count: int) -> None:
        import torch

        self.starts = torch.zeros(count, dtype=torch.long)
        self.lengths = torch.zeros(count, dtype=torch.long)
        self._layers: dict[int, tuple[Tensor, Tensor]] = {}

    def reserve(self, layer: int, like: Tensor, room: int) -> tuple[Tensor, Tensor]:
        """Keys and values of `layer` (slots, key heads, tokens, size), with room for so many tokens a slot."""
        found = self._layers.get(layer)
        if found is None or found[0].shape[2] < room:
            room = -(-room // self._STEP) * self._STEP
            shape = (len(self.lengths), like.shape[0], room, like.shape[2])
            grown = (like.new_zeros(shape), like.new_zeros(shape))
            for fresh, old in zip(grown, found or (), strict=False):
                fresh[:, :, : old.shape[2]] = old
            self._layers[layer] = found = grown
        return found

    def layer(self, layer: int) -> tuple[Tensor, Tensor]:
        """Keys and values of `layer` (slots, key heads, tokens, size), as far as there is room."""
        return self._layers[layer]

    def move(self, source: int, target: int) -> None:
        """Put the sequence of one slot into another."""
        import torch

        length = int(self.lengths[source])
        with torch.inference_mode():
            for store in (store for stores in self._layers.values() for store in stores):
                store[target, :, :length] = store[source, :, :length]
        self.starts[target], self.lengths[target] = self.starts[source], self.lengths[source]

    def empty(self, index: int, before: Span | None) -> Span:
        """Take what is in a slot out of it, into a span that begins with `before`; the slot goes on behind it."""
        import torch

        start, length = int(self.starts[index]), int(self.lengths[index])
        span = Span(start, length) if before is None else Span(before.start, before.length + length)
        with torch.inference_mode():
            for layer, stores in self._layers.items():
                fresh = [store[index, :, :length] for store in stores]
                if before is not None:
                    fresh = [
                        torch.cat(parts, dim=1) for parts in zip(before.read(layer, before.length), fresh, strict=True)
                    ]
                span.write(layer, *fresh)
        span.length = start + length - span.start
        self.starts[index], self.lengths[index] = start + length, 0
        return span


class Slot:
    """One slot, to be filled like a span."""

    def __init__(self, slots: Slots, index: int, start: int) -> None:
        self._slots, self._index = slots, index
        self.start = start
        slots.starts[index], slots.lengths[index] = start, 0

    @property
    def length(self) -> int:
        """Tokens in it."""
        return int(self._slots.lengths[self._index])

    @length.setter
    def length(self, length: int) -> None:
        self._slots.lengths[self._index] = length

    def write(self, layer: int, key: Tensor, value: Tensor) -> None:
        """As `Span.write`."""
        first, end = self.length, self.length + key.shape[1]
        for store, fresh in zip(self._slots.reserve(layer, key, end), (key, value), strict=True):
            store[self._index, :, first:end] = fresh

    def read(self, layer: int, count: int, first: int = 0) -> tuple[Tensor, Tensor]:
        """As `Span.read`."""
        keys, values = self._slots.layer(layer)
        return keys[self._index, :, first:count], values[self._index, :, first:count]
