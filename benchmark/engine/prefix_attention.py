"""Attention over shared prefixes. It replaces the attention of a model, and gives the same results.

A forward pass takes the tokens of many sequences in one row, together with their positions. Such a row is called
packed. So there is no padding, and shared prefixes are not copied. Only the attention is replaced, because all other
layers process each token alone. Each token attends to the blocks of its sequence, to the earlier tokens in the pages of
its sequence, and to itself. A block can be shared by several sequences.

The attention to a block is computed at once for the queries of all sequences that share the block (Juravsky et al.
2024, arXiv:2402.05099). So the attention of a query is computed in parts, which are then combined.

Only the positions of two tokens decide whether one of them attends to the other. So sliding windows are exact, and it
does not matter where a key is stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from toolmark.benchmark.engine.kv_cache import KVBlock, Store
from toolmark.benchmark.engine.partial_attention import add_part, attend, hidden_keys

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["NAME", "Pass", "Prefill", "Segment", "keys_in_reach", "register"]

NAME = "toolmark_shared_prefixes"
"""The name under which this attention is registered with transformers."""


class Pass(Protocol):
    """One forward pass. It decides where the keys and values are stored, and to which keys each query attends."""

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float, window: int | None) -> Tensor:
        """Store the keys and values of packed tokens. Return the attention outputs of the tokens (heads, tokens, size).

        Args:
            layer: Index of the layer.
            query: Queries (heads, tokens, size).
            key: Keys (key heads, tokens, size).
            value: Values (key heads, tokens, size).
            scale: The number by which the scores are multiplied.
            window: Length of a sliding window in tokens. None for full attention.
        """
        ...


def register() -> None:
    """Register the attention with transformers. Transformers makes no mask, because no mask function has this name."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, _attention)


def _attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    _mask: Tensor | None,
    *,
    scaling: float | None = None,
    sliding_window: int | None = None,
    toolmark_pass: Pass,
    **_: Any,
) -> tuple[Tensor, None]:
    scale = float(query.shape[-1] ** -0.5 if scaling is None else scaling)
    out = toolmark_pass.attend(module.layer_idx, query[0], key[0], value[0], scale, sliding_window)
    return out.transpose(0, 1)[None], None


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive tokens of one sequence in a packed row.

    Attributes:
        path: The blocks before these tokens.
        store: The store to which these tokens are appended.
        tokens: Number of tokens.
    """

    path: tuple[KVBlock, ...]
    store: Store
    tokens: int


@dataclass(frozen=True, slots=True)
class _Piece:
    """Queries that attend to the same keys.

    Attributes:
        queries: The queries, as a range of the packed row.
        keys: The keys, as a range of the tokens in `store`, or of the packed row if `store` is None.
        store: The store of the keys. None if the keys belong to new tokens.
        mask: The mask of `attend`.
        causal: Whether query i attends only to the keys from 0 to i.
    """

    queries: slice
    keys: slice
    store: Store | None = None
    mask: Tensor | None = None
    causal: bool = False


_WINDOW_CHUNK = 256
"""Number of queries in a piece if the attention has a sliding window. A mask hides keys, but hidden keys still cost
time. So a piece gets only keys to which at least one of its queries attends."""


class Prefill:
    """The pass that reads prompts. Each token attends to the earlier tokens of its sequence and to itself.

    Attributes:
        positions: Position of each token.
    """

    def __init__(self, segments: Sequence[Segment]) -> None:
        import torch

        self._own: list[tuple[Store, slice]] = []
        self._earlier: dict[Store, list[slice]] = {}
        positions, begin = [], 0
        for segment in segments:
            store, end = segment.store, begin + segment.tokens
            first = store.start + store.length
            positions.append(torch.arange(first, first + segment.tokens))
            self._own.append((store, slice(begin, end)))
            for earlier in (*segment.path, store) if store.length else segment.path:
                ranges = self._earlier.setdefault(earlier, [])
                joined = bool(ranges) and ranges[-1].stop == begin
                ranges.append(slice(ranges.pop().start if joined else begin, end))
            begin = end
        self.positions = torch.cat(positions)
        self._pieces: dict[int | None, list[_Piece]] = {}

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float, window: int | None) -> Tensor:
        """Do the same as `Pass.attend`."""
        import torch

        # The key heads are the batch of `attend`, and the query heads of a key head are its heads. So no key is copied.
        grouped = torch.unflatten(query, 0, (len(key), -1))
        out = torch.zeros_like(grouped, dtype=torch.float32)
        sums = out.new_full(out.shape[:-1], float("-inf"))
        for store, here in self._own:
            store.write(layer, key[:, here], value[:, here])
        if window not in self._pieces:
            self._pieces[window] = [*self._to_own(window, query.device), *self._to_earlier(window, query.device)]
        for piece in self._pieces[window]:
            stored = (key, value) if piece.store is None else piece.store.read(layer)
            keys, values = (each[:, None, piece.keys].expand(-1, grouped.shape[1], -1, -1) for each in stored)
            here = piece.queries
            found = attend(grouped[:, :, here], keys, values, scale, piece.mask, causal=piece.causal)
            add_part(out[:, :, here], sums[:, :, here], *found)
        return out.to(query.dtype).flatten(0, 1)

    def _to_own(self, window: int | None, device: torch.device) -> Iterator[_Piece]:
        """Yield the pieces in which the new tokens attend to each other."""
        for _, own in self._own:
            if window is None or own.stop - own.start <= window:
                yield _Piece(own, own, causal=True)
                continue
            for some in _chunks(own, window):
                keys = slice(max(own.start, some.start - window + 1), some.stop)
                mask = hidden_keys(self.positions[some], self.positions[keys], window, causal=True)
                yield _Piece(some, keys, mask=None if mask is None else mask.to(device))

    def _to_earlier(self, window: int | None, device: torch.device) -> Iterator[_Piece]:
        """Yield the pieces in which the new tokens attend to the tokens before them."""
        for store, ranges in self._earlier.items():
            for some in (some for queries in ranges for some in _chunks(queries, window)):
                near = keys_in_reach(store, self.positions[some], window)
                if near is not None:
                    first, mask = near
                    yield _Piece(some, slice(first, None), store, None if mask is None else mask.to(device))


def _chunks(queries: slice, window: int | None) -> list[slice]:
    if window is None:
        return [queries]
    begins = range(queries.start, queries.stop, _WINDOW_CHUNK)
    return [slice(begin, min(begin + _WINDOW_CHUNK, queries.stop)) for begin in begins]


def keys_in_reach(store: Store, positions: Tensor, window: int | None) -> tuple[int, Tensor | None] | None:
    """Return the index of the first key of a store that a query attends to, and the mask for the keys from there on.

    Return None if no query attends to a key of the store. All keys of the store are before all queries.

    Args:
        store: The store.
        positions: Positions of the queries.
        window: Length of a sliding window in tokens. None for full attention.
    """
    import torch

    if window is None:
        return 0, None
    first = max(0, int(positions.min()) - window + 1 - store.start)
    if first >= store.length:
        return None
    keys = torch.arange(store.start + first, store.start + store.length)
    return first, hidden_keys(positions, keys, window, causal=False)
