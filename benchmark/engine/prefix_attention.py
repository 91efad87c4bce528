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

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from toolmark.benchmark.engine.kv_cache import PAGE, KVBlock, OwnTokens, PagePool, Store
from toolmark.benchmark.engine.partial_attention import (
    HIDDEN,
    add_part,
    attend,
    hidden_keys,
    sum_parts,
)

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["NAME", "Decode", "Pass", "Prefill", "Segment", "register"]

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
                near = _near(store, self.positions[some], window)
                if near is not None:
                    first, mask = near
                    yield _Piece(some, slice(first, None), store, None if mask is None else mask.to(device))


def _chunks(queries: slice, window: int | None) -> list[slice]:
    if window is None:
        return [queries]
    begins = range(queries.start, queries.stop, _WINDOW_CHUNK)
    return [slice(begin, min(begin + _WINDOW_CHUNK, queries.stop)) for begin in begins]


def _near(store: Store, positions: Tensor, window: int | None) -> tuple[int, Tensor | None] | None:
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


@dataclass(frozen=True, slots=True)
class _Reach:
    """What the queries of a decoding step attend to, with one length of the sliding window.

    Attributes:
        pages: Indices of the pages. None means all pages.
        page_queries: For each page, the numbers of the queries of its sequence (pages, queries).
        page_mask: The mask for the pages (pages, 1, queries x query heads for each key head, `PAGE`).
        rows: The numbers of the queries that attend to blocks. First come those of the first block, and so on.
        blocks: Four values for each block: the block, the index of its first key that is needed, the number of its
            queries in `rows`, and the mask for its keys.
        queries: The number of the query of each part: first the parts of the pages, then those of the blocks.
    """

    pages: Tensor | None
    page_queries: Tensor
    page_mask: Tensor
    rows: Tensor
    blocks: Sequence[tuple[KVBlock, int, int, Tensor | None]]
    queries: Tensor


class Decode:
    """The pass that decodes: each sequence has one new token, and perhaps draft tokens after it.

    Args:
        pool: The pages. All of them belong to the sequences of this pass.
        stores: The unshared tokens of each sequence. After the pass, the caller must add the number of accepted tokens
            to the lengths of these stores.
        counts: Number of new tokens of each sequence, including draft tokens.
        shared: The blocks, and for each block the numbers of the sequences that share it.

    Attributes:
        positions: Position of each new token.
    """

    def __init__(
        self,
        pool: PagePool,
        stores: Sequence[OwnTokens],
        counts: Sequence[int],
        shared: Mapping[KVBlock, Sequence[int]],
    ) -> None:
        import torch

        self._pool = pool
        for store, count in zip(stores, counts, strict=True):
            store.reserve(store.length + count)
        new = [(store, store.length + at) for store, count in zip(stores, counts, strict=True) for at in range(count)]
        self.positions = torch.tensor([store.start + at for store, at in new])
        self._places = (
            torch.tensor([store.pages[at // PAGE] for store, at in new]),
            slice(None),
            torch.tensor([at % PAGE for _, at in new]),
        )
        # The queries of a sequence. If it has fewer queries than another sequence, its last query is repeated.
        each = torch.tensor(counts)[:, None]
        at = torch.arange(max(counts))
        queries = each.cumsum(0) - each + torch.minimum(at, each - 1)
        owners = [(page, number, begin) for number, store in enumerate(stores) for page, begin in store.begins()]
        _, numbers, begins = torch.tensor(sorted(owners)).unbind(1)
        self._page_queries = queries[numbers]
        self._repeated = (at >= each)[numbers]
        self._page_keys = begins[:, None] + torch.arange(PAGE)
        self._shared = [
            (block, torch.cat([queries[number, : counts[number]] for number in sharing]))
            for block, sharing in shared.items()
        ]
        self._reached: dict[int | None, _Reach] = {}

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float, window: int | None) -> Tensor:
        """Do the same as `Pass.attend`."""
        import torch

        stored = self._pool.layer(layer, key)
        for pages, fresh in zip(stored, (key, value), strict=True):
            pages[self._places] = fresh.transpose(0, 1)
        grouped = torch.unflatten(query, 0, (len(key), -1)).permute(2, 0, 1, 3)  # (tokens, key heads, groups, size)
        if window not in self._reached:
            self._reached[window] = self._reach(window, grouped.shape[2], query.device)
        reach = self._reached[window]
        parts = [_to_pages(grouped, reach, stored, scale), *_to_blocks(grouped, reach, layer, scale)]
        part, sums = (torch.cat(each) for each in zip(*parts, strict=True))
        out = sum_parts(reach.queries, part, sums, len(grouped))
        return out.to(query.dtype).permute(1, 2, 0, 3).flatten(0, 1)

    def _reach(self, window: int | None, groups: int, device: torch.device) -> _Reach:
        import torch

        positions = self.positions[self._page_queries][..., None]
        keys = self._page_keys[:, None]
        hidden = (keys > positions) | self._repeated[..., None]
        if window is not None:
            hidden |= keys <= positions - window
        mask = torch.zeros(hidden.shape).masked_fill_(hidden, HIDDEN).repeat_interleave(groups, 1)[:, None]
        queries, pages = self._page_queries, None
        needed = hidden.logical_not().flatten(1).any(1).nonzero().flatten()
        if 2 * len(needed) < len(hidden):  # otherwise, to copy these pages takes longer than to process all pages
            queries, mask, pages = queries[needed], mask[needed], needed.to(device)
        rows, blocks = [], []
        for block, members in self._shared:
            near = (
                members
                if window is None
                else members[self.positions[members] - window + 1 < block.start + block.length]
            )
            if not len(near):
                continue
            first, block_mask = _near(block, self.positions[near], window) or (0, None)
            if block_mask is not None:
                block_mask = block_mask.repeat_interleave(groups, 0).to(device)
            rows.append(near)
            blocks.append((block, first, len(near), block_mask))
        return _Reach(
            pages,
            queries.to(device),
            mask.to(device),
            torch.cat(rows).to(device) if rows else torch.empty(0, dtype=torch.long, device=device),
            blocks,
            torch.cat([queries.flatten(), *rows]).to(device),
        )


def _to_pages(grouped: Tensor, reach: _Reach, stored: tuple[Tensor, Tensor], scale: float) -> tuple[Tensor, Tensor]:
    """Return the output and the log-sum-exp of the attention to each page (parts, key heads, groups, size)."""
    import torch

    keys, values = stored if reach.pages is None else (each[reach.pages] for each in stored)
    mine = grouped[reach.page_queries].transpose(1, 2)  # (pages, key heads, queries, groups, size)
    out, sums = attend(mine.flatten(2, 3), keys, values, scale, reach.page_mask)
    shape = mine.shape[2:4]
    out, sums = (torch.unflatten(found, 2, shape).transpose(1, 2).flatten(0, 1) for found in (out, sums))
    return out, sums


def _to_blocks(grouped: Tensor, reach: _Reach, layer: int, scale: float) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the output and the log-sum-exp of the attention to each block (parts, key heads, groups, size)."""
    import torch

    gathered = grouped[reach.rows].transpose(0, 1).contiguous()  # (key heads, queries, groups, size)
    begin, shape = 0, (-1, gathered.shape[2])
    for block, first, count, mask in reach.blocks:
        keys, values = (each[None, :, first:] for each in block.read(layer))
        mine = gathered[:, begin : begin + count].flatten(1, 2)[None]
        begin += count
        out, sums = attend(mine, keys, values, scale, mask)
        yield torch.unflatten(out[0], 1, shape).transpose(0, 1), torch.unflatten(sums[0], 1, shape).transpose(0, 1)
