"""The attention of a decoding step: each sequence attends to its own pages, and to the blocks that it shares.

See `prefix_attention` for the attention to shared prefixes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolmark.benchmark.engine.kv_cache import PAGE, KVBlock, OwnTokens, PagePool
from toolmark.benchmark.engine.partial_attention import HIDDEN, attend, sum_parts
from toolmark.benchmark.engine.prefix_attention import keys_in_reach

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["Decode"]


@dataclass(frozen=True, slots=True)
class _Queries:
    """Queries that attend to pages. All pages have the same number of queries.

    Attributes:
        pages: Indices of the pages. None means all pages.
        numbers: For each page, the numbers of queries of its sequence (pages, queries).
        repeated: Which of them only fill the row, because another sequence has more queries (pages, queries).
    """

    pages: Tensor | None
    numbers: Tensor
    repeated: Tensor


@dataclass(frozen=True, slots=True)
class _PagePart:
    """Queries and the pages to which they attend, with one length of the sliding window.

    Attributes:
        pages: Indices of the pages. None means all pages.
        queries: For each page, the numbers of queries of its sequence (pages, queries).
        mask: The mask for the pages (pages, 1, queries x query heads for each key head, `PAGE`).
    """

    pages: Tensor | None
    queries: Tensor
    mask: Tensor


@dataclass(frozen=True, slots=True)
class _Reach:
    """What the queries of a decoding step attend to, with one length of the sliding window.

    Attributes:
        pages: The parts of the attention that belong to pages.
        rows: The numbers of the queries that attend to blocks. First come those of the first block, and so on.
        blocks: Four values for each block: the block, the index of its first key that is needed, the number of its
            queries in `rows`, and the mask for its keys.
        queries: The number of the query of each part: first the parts of the pages, then those of the blocks.
    """

    pages: Sequence[_PagePart]
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
        owners = [(page, number, begin) for number, store in enumerate(stores) for page, begin in store.begins()]
        _, numbers, begins = torch.tensor(sorted(owners)).unbind(1)
        self._page_keys = begins[:, None] + torch.arange(PAGE)
        # The queries of a sequence. If it has fewer queries than another sequence, its last query is repeated.
        each = torch.tensor(counts)[:, None]
        at = torch.arange(max(counts))
        queries = each.cumsum(0) - each + torch.minimum(at, each - 1)
        self._page_queries = _of_pages(queries[numbers], (at >= each)[numbers])
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
        parts = [_to_pages(grouped, part, stored, scale) for part in reach.pages]
        parts += _to_blocks(grouped, reach, layer, scale)
        part, sums = (torch.cat(each) for each in zip(*parts, strict=True))
        out = sum_parts(reach.queries, part, sums, len(grouped))
        return out.to(query.dtype).permute(1, 2, 0, 3).flatten(0, 1)

    def _reach(self, window: int | None, groups: int, device: torch.device) -> _Reach:
        import torch

        pages = [self._page_part(queries, window, groups, device) for queries in self._page_queries]
        rows, blocks = [], []
        for block, members in self._shared:
            near = (
                members
                if window is None
                else members[self.positions[members] - window + 1 < block.start + block.length]
            )
            if not len(near):
                continue
            first, block_mask = keys_in_reach(block, self.positions[near], window) or (0, None)
            if block_mask is not None:
                block_mask = block_mask.repeat_interleave(groups, 0).to(device)
            rows.append(near)
            blocks.append((block, first, len(near), block_mask))
        return _Reach(
            pages,
            torch.cat(rows).to(device) if rows else torch.empty(0, dtype=torch.long, device=device),
            blocks,
            torch.cat([*(part.queries.flatten() for part in pages), *(row.to(device) for row in rows)]),
        )

    def _page_part(self, queries: _Queries, window: int | None, groups: int, device: torch.device) -> _PagePart:
        import torch

        numbers, pages = queries.numbers, queries.pages
        positions = self.positions[numbers][..., None]
        keys = (self._page_keys if pages is None else self._page_keys[pages])[:, None]
        hidden = (keys > positions) | queries.repeated[..., None]
        if window is not None:
            hidden |= keys <= positions - window
        mask = torch.zeros(hidden.shape).masked_fill_(hidden, HIDDEN).repeat_interleave(groups, 1)[:, None]
        needed = hidden.logical_not().flatten(1).any(1).nonzero().flatten()
        if _is_worth_a_copy(len(needed), len(hidden)):
            numbers, mask, pages = numbers[needed], mask[needed], needed if pages is None else pages[needed]
        return _PagePart(None if pages is None else pages.to(device), numbers.to(device), mask.to(device))


def _of_pages(numbers: Tensor, repeated: Tensor) -> list[_Queries]:
    """Return the queries of all pages.

    If only a few sequences have draft tokens, the queries of the draft tokens are separate. Otherwise, all sequences
    would have as many queries as the one with the most draft tokens, and most queries would be repeated.

    Args:
        numbers: For each page, the numbers of the queries of its sequence (pages, queries).
        repeated: Which of them only fill the row (pages, queries).
    """
    drafts = repeated.logical_not()[:, 1:].any(1).nonzero().flatten()
    if len(drafts) and _is_worth_a_copy(len(drafts), len(numbers)):
        first, rest = slice(0, 1), slice(1, None)
        return [
            _Queries(None, numbers[:, first], repeated[:, first]),
            _Queries(drafts, numbers[drafts, rest], repeated[drafts, rest]),
        ]
    return [_Queries(None, numbers, repeated)]


def _is_worth_a_copy(some: int, of: int) -> bool:
    """Return whether to copy some pages and process only these takes less time than to process all pages."""
    return 2 * some < of


def _to_pages(grouped: Tensor, part: _PagePart, stored: tuple[Tensor, Tensor], scale: float) -> tuple[Tensor, Tensor]:
    """Return the output and the log-sum-exp of the attention to each page (parts, key heads, groups, size)."""
    import torch

    keys, values = stored if part.pages is None else (each[part.pages] for each in stored)
    mine = grouped[part.queries].transpose(1, 2)  # (pages, key heads, queries, groups, size)
    out, sums = attend(mine.flatten(2, 3), keys, values, scale, part.mask)
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
