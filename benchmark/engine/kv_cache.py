"""The cache of keys and values (KV cache). It consists of blocks and of pages.

- A block contains the keys and values of a prefix that several sequences share.
- Pages contain the keys and values of all other tokens. The tokens of a page belong to one sequence. Every page has
  space for the same number of tokens. So one operation processes the pages of all sequences, and sequences of different
  lengths need no padding (Kwon et al. 2023, arXiv:2309.06180).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PAGE", "KVBlock", "OwnTokens", "PagePool", "Store"]

PAGE = 128
"""Number of tokens in a page. On average, half of the last page of a sequence is empty. With smaller pages, attention
to the same number of keys takes longer: with pages of 64 tokens, 1.3 times as long."""


class Store(Protocol):
    """Keys and values of consecutive tokens.

    Attributes:
        start: Position of the first token.
        length: Number of tokens.
    """

    start: int
    length: int

    def write(self, layer: int, key: Tensor, value: Tensor) -> None:
        """Store the keys and values of new tokens in a layer, after those of the earlier tokens.

        When all layers have stored the new tokens, the caller must add the number of new tokens to `length`.

        Args:
            layer: Index of the layer.
            key: Keys (key heads, tokens, size).
            value: Values (key heads, tokens, size).
        """
        ...

    def read(self, layer: int) -> tuple[Tensor, Tensor]:
        """Return the keys and values of the first `length` tokens, of shape (key heads, tokens, size)."""
        ...


class KVBlock:
    """A store for a prefix that several sequences share.

    Args:
        start: Position of the first token.
        room: Number of tokens for which the block has space.
    """

    def __init__(self, start: int, room: int) -> None:
        self.start = start
        self.length = 0
        self._room = room
        self._layers: dict[int, tuple[Tensor, Tensor]] = {}

    def write(self, layer: int, key: Tensor, value: Tensor) -> None:
        """Do the same as `Store.write`."""
        if layer not in self._layers:
            shape = (key.shape[0], self._room, key.shape[2])
            self._layers[layer] = (key.new_empty(shape), value.new_empty(shape))
        for store, fresh in zip(self._layers[layer], (key, value), strict=True):
            store[:, self.length : self.length + fresh.shape[1]] = fresh

    def read(self, layer: int) -> tuple[Tensor, Tensor]:
        """Do the same as `Store.read`."""
        keys, values = self._layers[layer]
        return keys[:, : self.length], values[:, : self.length]

    def copy_to(self, store: Store, tokens: int) -> None:
        """Do the same as `OwnTokens.copy_to`."""
        _copy(self, store, tokens, self._layers)


class PagePool:
    """The pages of all sequences in a batch. The pages in use come first, then the free pages."""

    _STEP = 16
    """The pool grows by at least this number of pages, because all pages are then copied."""

    def __init__(self) -> None:
        self._owners: list[OwnTokens] = []
        self._layers: dict[int, tuple[Tensor, Tensor]] = {}

    def add(self, owner: OwnTokens) -> None:
        """Give one more page to a sequence."""
        owner.pages.append(len(self._owners))
        self._owners.append(owner)

    def free(self, owner: OwnTokens) -> None:
        """Take all pages from a sequence. The last pages in use move to the places that become free."""
        import torch

        for page in sorted(owner.pages, reverse=True):
            last = len(self._owners) - 1
            mover = self._owners.pop()
            if page == last:
                continue
            with torch.inference_mode():
                for store in (store for stores in self._layers.values() for store in stores):
                    store[page] = store[last]
            self._owners[page] = mover
            mover.pages[mover.pages.index(last)] = page
        owner.pages.clear()

    def layer(self, layer: int, like: Tensor) -> tuple[Tensor, Tensor]:
        """Return the keys and values of the pages in use, of shape (pages, key heads, `PAGE`, size).

        Args:
            layer: Index of the layer.
            like: Keys or values of shape (key heads, tokens, size). The pages have the data type and device of `like`.
        """
        used = len(self._owners)
        stores = self._layers.get(layer)
        if stores is None or len(stores[0]) < used:
            # The pages are filled with zeros, because a hidden key must be a finite number.
            shape = (used + max(self._STEP, used // 4), like.shape[0], PAGE, like.shape[2])
            grown = (like.new_zeros(shape), like.new_zeros(shape))
            for fresh, old in zip(grown, stores or (), strict=False):
                fresh[: len(old)] = old
            self._layers[layer] = stores = grown
        return stores[0][:used], stores[1][:used]

    @property
    def layers(self) -> Iterable[int]:
        """Return the index of each layer to which keys were written."""
        return self._layers

    def stored(self, layer: int) -> tuple[Tensor, Tensor]:
        """Return the keys and values of all pages of a layer. Keys must already be written to this layer."""
        return self._layers[layer]


class OwnTokens:
    """A store for those tokens of one sequence that are not in blocks.

    Args:
        pool: The pages of all sequences.
        start: Position of the first token.

    Attributes:
        pages: The index of each page of the sequence in `pool`, in the order of the tokens.
    """

    def __init__(self, pool: PagePool, start: int) -> None:
        self.start, self.length = start, 0
        self.pages: list[int] = []
        self._pool = pool

    def reserve(self, tokens: int) -> None:
        """Make sure that the pages have space for this number of tokens."""
        while len(self.pages) * PAGE < tokens:
            self._pool.add(self)

    def begins(self) -> Iterator[tuple[int, int]]:
        """Yield the index of each page, and the position of the first token in this page."""
        return zip(self.pages, count(self.start, PAGE), strict=False)

    def free(self) -> None:
        """Give all pages back to the pool."""
        self._pool.free(self)

    def write(self, layer: int, key: Tensor, value: Tensor) -> None:
        """Do the same as `Store.write`."""
        import torch

        end = self.length + key.shape[1]
        self.reserve(end)
        at = torch.arange(self.length, end)
        places = torch.tensor(self.pages)[at // PAGE], slice(None), at % PAGE
        keys, values = self._pool.layer(layer, key)
        keys[places], values[places] = key.transpose(0, 1), value.transpose(0, 1)

    def read(self, layer: int) -> tuple[Tensor, Tensor]:
        """Do the same as `Store.read`. The tokens are copied."""
        import torch

        pages = torch.tensor(self.pages)
        keys, values = (stored[pages].transpose(0, 1).flatten(1, 2) for stored in self._pool.stored(layer))
        return keys[:, : self.length], values[:, : self.length]

    def copy_to(self, store: Store, tokens: int) -> None:
        """Write the keys and values of the first tokens to an empty store.

        Args:
            store: The empty store.
            tokens: Number of tokens.
        """
        _copy(self, store, tokens, self._pool.layers)


def _copy(source: Store, store: Store, tokens: int, layers: Iterable[int]) -> None:
    import torch

    if not tokens:
        return
    with torch.inference_mode():
        for layer in layers:
            keys, values = source.read(layer)
            store.write(layer, keys[:, :tokens], values[:, :tokens])
    store.length = tokens
