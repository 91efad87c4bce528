"""Attention over shared prefixes. It replaces the attention of a model, and gives the same results.

A forward pass takes the tokens of many sequences in one row, together with their positions. Such a row is called
packed. So there is no padding, and shared prefixes are not copied. Only the attention is replaced, because all other
layers process each token alone. Each token attends to the blocks of its sequence, to the earlier tokens in the slot of
its sequence, and to itself. A block can be shared by several sequences.

In decoding, one matrix product multiplies the keys of a block with the queries of all sequences that share the block.
So the softmax of a query is computed in parts. The parts are combined by their maxima and sums (Dao et al. 2022,
arXiv:2205.14135; for shared prefixes Juravsky et al. 2024, arXiv:2402.05099).

Only the positions of two tokens decide whether one of them attends to the other. So sliding windows are exact, and it
does not matter where a key is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from toolmark.benchmark.engine.kv_cache import BatchSlot, BatchSlots, KVBlock

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["NAME", "Decode", "Level", "Pass", "Prefill", "Segment", "register"]

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
    """Register the attention with transformers. No mask function has its name, so transformers makes no mask for it."""
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
        store: The block or slot to which these tokens are appended.
        tokens: Number of tokens.
    """

    path: tuple[KVBlock, ...]
    store: KVBlock | BatchSlot
    tokens: int


_CHUNK, _WINDOW_CHUNK = 512, 256
"""Number of queries in a chunk. The first number is for attention without a sliding window, the second for attention
with a sliding window.

The queries in a chunk are computed together. A mask hides keys, but hidden keys still cost time. So a chunk gets only
keys to which at least one of its queries attends. These times were measured for 2,048 tokens after 2,048 earlier tokens
on one core:

    sliding window   without chunks   with chunks
    none             170 ms           116 ms
    512 tokens       93 ms            29 ms
"""


class Prefill:
    """The pass that reads prompts. Each token attends to the earlier tokens of its sequence and to itself."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._segments = segments
        self._masks: dict[tuple[int, int, int | None], Tensor | None] = {}

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float, window: int | None) -> Tensor:
        """Do the same as `Pass.attend`."""
        import torch
        from torch.nn.functional import scaled_dot_product_attention

        groups = query.shape[0] // key.shape[0]
        out, first = [], 0
        for number, segment in enumerate(self._segments):
            here = slice(first, first + segment.tokens)
            segment.store.write(layer, key[:, here], value[:, here])
            for begin, end in _query_chunks(segment, window):
                seen = _visible(segment, begin, end, window)
                parts = [store.read(layer, last, earliest) for store, earliest, last in seen]
                keys, values = (_for_queries([part[side] for part in parts], groups) for side in (0, 1))
                if (number, begin, window) not in self._masks:
                    self._masks[number, begin, window] = _causal_mask(segment, begin, end, seen, window, query.device)
                mask = self._masks[number, begin, window]
                out.append(
                    scaled_dot_product_attention(
                        query[None, :, first + begin : first + end],
                        keys[None],
                        values[None],
                        attn_mask=mask,
                        is_causal=mask is None,
                        scale=scale,
                    )[0]
                )
            first += segment.tokens
        return torch.cat(out, dim=1)


def _for_queries(parts: Sequence[Tensor], groups: int) -> Tensor:
    """Join the keys or values of several stores, and repeat them for each query head. Copy them only if necessary."""
    import torch

    joined = parts[0] if len(parts) == 1 else torch.cat(list(parts), dim=1)
    heads, tokens, size = joined.shape
    return joined[:, None].expand(heads, groups, tokens, size).reshape(heads * groups, tokens, size)


def _query_chunks(segment: Segment, window: int | None) -> list[tuple[int, int]]:
    """Return the begin and the end of each chunk of queries. If a causal mask is enough, there is only one chunk."""
    position = segment.store.start + segment.store.length
    alone = segment.store.length == 0 and not segment.path
    if alone and (window is None or position + segment.tokens <= window):
        return [(0, segment.tokens)]
    size = _CHUNK if window is None else _WINDOW_CHUNK
    return [(begin, min(begin + size, segment.tokens)) for begin in range(0, segment.tokens, size)]


def _visible(segment: Segment, begin: int, end: int, window: int | None) -> list[tuple[KVBlock | BatchSlot, int, int]]:
    """Return the stores (blocks or slots) that contain keys to which the tokens of a chunk attend.

    For each store, the result contains three values: the store, the index of the first of these keys in the store, and
    the index after the last of these keys.
    """
    position = segment.store.start + segment.store.length + begin
    earliest = 0 if window is None else max(0, position - window + 1)
    ends: list[tuple[KVBlock | BatchSlot, int]] = [(block, block.length) for block in segment.path]
    ends.append((segment.store, segment.store.length + end))
    return [(store, max(0, earliest - store.start), last) for store, last in ends if store.start + last > earliest]


def _causal_mask(
    segment: Segment,
    begin: int,
    end: int,
    seen: Sequence[tuple[KVBlock | BatchSlot, int, int]],
    window: int | None,
    device: torch.device,
) -> Tensor | None:
    """Return a mask of shape (tokens, keys). It is true where a token of the chunk attends to a key.

    Return None if each token attends exactly to itself and to the earlier tokens of the chunk. A causal mask is then
    enough.
    """
    import torch

    position = segment.store.start + segment.store.length + begin
    ((_, earliest, last), *others) = seen
    if not others and last - earliest == end - begin and (window is None or end - begin <= window):
        return None
    queries = torch.arange(position, position + end - begin, device=device)[:, None]
    keys = torch.cat([torch.arange(store.start + at, store.start + last, device=device) for store, at, last in seen])
    mask = keys <= queries
    return mask if window is None else mask & (keys > queries - window)


Level = Sequence[tuple[KVBlock, "Tensor"]]
"""The blocks at one depth of the prefix tree. Each pair contains a block, and the numbers of the sequences that share
it. A sequence has at most one block at each depth."""


def _by_token(level: Level, numbers: Tensor) -> Level:
    """Return a level in which each block has the numbers of its new tokens, and not of its sequences.

    Args:
        level: The level with the numbers of sequences.
        numbers: For each new token, the number of its sequence.
    """
    import torch

    return [(block, torch.isin(numbers, rows).nonzero().flatten()) for block, rows in level]


@dataclass(frozen=True, slots=True)
class _Reached:
    """The blocks of a level to which at least one query attends.

    Attributes:
        rows: The numbers of the queries. First come the queries that attend to the first block, then those that attend
            to the second block, and so on.
        blocks: Four values for each block: the block, the index of its first key that is needed, the number of its
            queries in `rows`, and a mask that is added to the scores of these queries. The mask is None if no key from
            the first needed key on is hidden.
    """

    rows: Tensor
    blocks: Sequence[tuple[KVBlock, int, int, Tensor | None]]


class Decode:
    """The pass that decodes: each sequence has one new token, and perhaps draft tokens after it.

    Args:
        slots: The slots of the sequences. After the pass, the caller must add the accepted tokens to `slots.lengths`.
        counts: Number of new tokens of each sequence, including draft tokens.
        shared: The levels with the blocks of the sequences. The number of a sequence is the index of its slot.

    Attributes:
        positions: Position of each new token.
    """

    def __init__(self, slots: BatchSlots, counts: Sequence[int], shared: Sequence[Level]) -> None:
        import torch

        each = torch.tensor(counts)
        self._slots = slots
        self._numbers = torch.repeat_interleave(torch.arange(len(counts)), each)  # the slot of each new token
        self._single = len(self._numbers) == len(counts)
        self._shared = shared if self._single else [_by_token(level, self._numbers) for level in shared]
        behind = torch.arange(len(self._numbers)) - (each.cumsum(0) - each)[self._numbers]
        self._lengths = slots.lengths[self._numbers] + behind
        self._longest = int(self._lengths.max()) + 1
        self.positions = slots.starts[self._numbers] + self._lengths
        self._masks: dict[int | None, Tensor] = {}
        self._reached: dict[int | None, list[_Reached]] = {}

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float, window: int | None) -> Tensor:
        """Do the same as `Pass.attend`."""
        import torch

        tokens, longest = len(self._numbers), self._longest
        heads, size = key.shape[0], key.shape[2]
        keys, values = self._slots.reserve(layer, key, longest)
        at = self._numbers, slice(None), self._lengths
        keys[at], values[at] = key.transpose(0, 1), value.transpose(0, 1)
        mine = slice(tokens) if self._single else self._numbers

        # The shape is (tokens, key heads, query heads for each key head, size).
        scaled = (query * scale).view(heads, -1, tokens, size).permute(2, 0, 1, 3)
        scores = torch.matmul(scaled, keys[:, :, :longest][mine].transpose(2, 3)).float()
        scores += self._own_mask(window, query.device)
        top = scores.amax(-1, keepdim=True)
        weights = (scores - top).exp_()
        total = weights.sum(-1, keepdim=True)
        out = torch.matmul(weights.to(query.dtype), values[:, :, :longest][mine]).float()
        for level in self._reach(window, query.device):
            _merge(scaled, level, layer, (top, total, out))
        return (out / total).to(query.dtype).permute(1, 2, 0, 3).reshape(-1, tokens, size)

    def _own_mask(self, window: int | None, device: torch.device) -> Tensor:
        """Return the mask that is added to the scores of keys in slots, of shape (tokens, 1, 1, longest slot)."""
        import torch

        if window not in self._masks:
            at = torch.arange(self._longest, device=device)
            ends = self._lengths.to(device)[:, None]
            hidden = at > ends
            if window is not None:
                hidden |= at <= ends - window
            mask = torch.zeros(hidden.shape, device=device).masked_fill_(hidden, float("-inf"))
            self._masks[window] = mask[:, None, None]
        return self._masks[window]

    def _reach(self, window: int | None, device: torch.device) -> list[_Reached]:
        """Return the levels in which a query attends to at least one key."""
        import torch

        if window not in self._reached:
            levels = ([self._in_reach(*each, window, device) for each in level] for level in self._shared)
            near = ([each for each in level if each is not None] for level in levels)
            self._reached[window] = [
                _Reached(torch.cat([rows for rows, _ in level]), [block for _, block in level])
                for level in near
                if level
            ]
        return self._reached[window]

    def _in_reach(
        self, block: KVBlock, members: Tensor, window: int | None, device: torch.device
    ) -> tuple[Tensor, tuple[KVBlock, int, int, Tensor | None]] | None:
        """Return the numbers of the queries that attend to a block, and the entry of the block in `_Reached.blocks`.

        Return None if no query attends to the block.

        Args:
            block: The block.
            members: The numbers of the queries whose sequences share the block.
            window: Length of a sliding window in tokens. None for full attention.
            device: The device of the result.
        """
        import torch

        members = members.to(device)
        if window is None:
            return members, (block, 0, len(members), None)
        earliest = self.positions.to(device)[members] - window + 1
        near = earliest < block.start + block.length
        if not near.any():
            return None
        members, earliest = members[near], earliest[near]
        first = max(0, int(earliest.min()) - block.start)
        at = torch.arange(block.start + first, block.start + block.length, device=device)
        hidden = at < earliest[:, None]
        mask = torch.zeros(hidden.shape, device=device).masked_fill_(hidden, float("-inf")) if hidden.any() else None
        return members, (block, first, len(members), None if mask is None else mask[:, None])


def _merge(scaled: Tensor, level: _Reached, layer: int, softmax: tuple[Tensor, Tensor, Tensor]) -> None:
    """Add the keys and values of a level to the unfinished softmax of the level's queries.

    The queries of all blocks are read together, and the results are written together, always in the same order.

    Args:
        scaled: The queries, multiplied by the scale.
        level: The level.
        layer: Index of the layer.
        softmax: The unfinished softmax of all queries: the maximum of the scores, the sum of the weights, and the sum
            of the weighted values. All three are changed in place.
    """
    import torch

    top, total, out = softmax
    heads, groups, size = scaled.shape[1:]
    # The shape is (key heads, rows, query heads for each key head, size).
    gathered = scaled[level.rows].transpose(0, 1).contiguous()
    parts: list[tuple[Tensor, Tensor, Tensor]] = []
    begin = 0
    for block, first, count, mask in level.blocks:
        keys, values = block.read(layer, block.length, first)  # (key heads, tokens, size)
        mine = gathered[:, begin : begin + count].reshape(heads, count * groups, size)
        begin += count
        scores = torch.matmul(mine, keys.transpose(1, 2)).float()
        if mask is not None:
            scores.view(heads, count, groups, -1).add_(mask)
        peak = scores.amax(-1, keepdim=True)
        weights = scores.sub_(peak).exp_()
        parts.append((peak, weights.sum(-1, keepdim=True), torch.matmul(weights.to(values.dtype), values).float()))
    peak, sums, values_sum = (
        torch.cat(part, dim=1).view(heads, begin, groups, -1).transpose(0, 1) for part in zip(*parts, strict=True)
    )
    before = top[level.rows]
    highest = torch.maximum(before, peak)
    own_share, added_share = (before - highest).exp(), (peak - highest).exp()
    top[level.rows] = highest
    total[level.rows] = total[level.rows] * own_share + sums * added_share
    out[level.rows] = out[level.rows] * own_share + values_sum * added_share
