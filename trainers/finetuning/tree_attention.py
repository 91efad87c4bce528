"""Attention over a packed row (`shared_prefixes.py`), forward and backward, with plain matrix products.

The queries are computed in blocks. A block contains neighbouring parts with the same path, or a piece of a long part.
One matrix product computes the scores of all queries in the block. Query heads that share one key head are rows of the
same product. Without a sliding window, only the keys of the block's own tokens need a mask.

Attention weights are not stored. The backward pass computes the weights again for each block. So the memory grows
linearly with the length of the row.

On a processor, these matrix products take a third of the time of torch's fused attention. The fused attention is not
faster in bfloat16 than in float32. Scores are rounded to the precision of the products, as in the plain attention of
transformers. The softmax is summed in float32.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from toolmark.trainers.finetuning.shared_prefixes import RowPart

__all__ = ["TreeAttention"]

_BLOCK = 384
"""Highest number of queries in a block. Small blocks compute fewer masked scores, but their products are slower."""


class TreeAttention:
    """The attention of one forward pass over a packed row. `engine/prefix_attention.py` calls `attend` in each layer.

    Args:
        parts: The parts of the row, in the order of the row.
    """

    def __init__(self, parts: Sequence[RowPart]) -> None:
        self._parts = parts
        self._blocks: dict[int | None, list[_Block]] = {}

    def attend(self, _: int, query: Tensor, key: Tensor, value: Tensor, scale: float, window: int | None) -> Tensor:
        """Return the attention outputs. Every token attends only to tokens of its own conversation.

        Args:
            query: Queries (heads, tokens, size).
            key: Keys (key heads, tokens, size).
            value: Values (key heads, tokens, size).
            scale: The number by which the scores are multiplied.
            window: Length of a sliding window in tokens. None for full attention.

        Returns:
            Outputs (heads, tokens, size).
        """
        if window not in self._blocks:
            self._blocks[window] = list(_blocks(self._parts, window, query.device))
        device = query.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else query.dtype
        with torch.autocast(device, enabled=False):
            attended: Tensor = _Attention.apply(  # type: ignore[no-untyped-call]
                (query * scale).to(dtype), key.to(dtype), value.to(dtype), self._blocks[window]
            )
        return attended


@dataclass(frozen=True, slots=True)
class _Block:
    """The queries of consecutive tokens, with all keys that at least one of these queries attends to.

    Attributes:
        first: Index of the first query in the row.
        end: Index after the last query.
        spans: Pairs of first and end index, one pair for each run of consecutive keys.
        hidden: Mask over the last keys, shape (queries, keys). True if the query does not attend to the key. The
            earlier keys need no mask, because every query attends to all of them.
    """

    first: int
    end: int
    spans: tuple[tuple[int, int], ...]
    hidden: Tensor

    def keys(self, of: Tensor) -> Tensor:
        """Return the block's keys from the keys or values of the row (key heads, tokens, size)."""
        if len(self.spans) == 1:
            return of[:, slice(*self.spans[0])]
        return torch.cat([of[:, first:end] for first, end in self.spans], 1)

    def queries(self, of: Tensor, key_heads: int) -> Tensor:
        """Return the block's queries, grouped by key head (key heads, rows, size).

        Args:
            of: The queries of the row (heads, tokens, size).
            key_heads: Number of key heads.
        """
        return of[:, self.first : self.end].reshape(key_heads, -1, of.shape[-1])

    def weights(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Return the attention weights (key heads, rows, keys). The queries must already be scaled."""
        scores = queries @ keys.transpose(1, 2)
        tokens, masked = self.hidden.shape
        own = scores.view(-1, tokens, scores.shape[-1])[..., scores.shape[-1] - masked :]
        own.masked_fill_(self.hidden, float("-inf"))
        return scores.softmax(-1)


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, blocks: Sequence[_Block]) -> Tensor:
        ctx.save_for_backward(query, key, value)
        ctx.blocks = blocks
        out = torch.empty_like(query)
        for block in blocks:
            weights = block.weights(block.queries(query, len(key)), block.keys(key))
            rows = weights @ block.keys(value)
            out[:, block.first : block.end] = rows.view(len(query), -1, query.shape[-1])
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        query, key, value = ctx.saved_tensors
        query_gradient = torch.empty_like(query)
        key_gradient, value_gradient = (torch.zeros_like(one, dtype=torch.float32) for one in (key, value))
        for block in ctx.blocks:
            queries, keys, values = block.queries(query, len(key)), block.keys(key), block.keys(value)
            rows = block.queries(gradient, len(key))
            weights = block.weights(queries, keys)
            weights_gradient = rows @ values.transpose(1, 2)
            scores_gradient = torch._softmax_backward_data(weights_gradient, weights, -1, weights.dtype)
            query_gradient[:, block.first : block.end] = (scores_gradient @ keys).view(len(query), -1, query.shape[-1])
            # A product copies every transposed operand. So only narrow matrices are transposed.
            gradients = queries.transpose(1, 2) @ scores_gradient, rows.transpose(1, 2) @ weights
            for total, part in zip((key_gradient, value_gradient), gradients, strict=True):
                at = 0
                for first, end in block.spans:
                    total[:, first:end] += part[..., at : at + end - first].transpose(1, 2)
                    at += end - first
        return query_gradient, key_gradient.to(key.dtype), value_gradient.to(value.dtype), None


def _blocks(parts: Sequence[RowPart], window: int | None, device: torch.device) -> Iterator[_Block]:
    places = torch.cat([torch.arange(part.start, part.start + part.tokens) for part in parts]).to(device)
    owners = torch.repeat_interleave(torch.tensor([part.tokens for part in parts])).to(device)
    for _, siblings in groupby(parts, key=lambda part: part.path[-1].number if part.path else None):
        for together in _chunks(list(siblings)):
            path, begin = together[0].path, together[0].first
            total = sum(part.tokens for part in together)
            for first in range(begin, begin + total, _BLOCK):
                end = min(first + _BLOCK, begin + total)
                earliest = 0 if window is None else int(places[first:end].min()) - window + 1
                past = [
                    (part.first + max(0, earliest - part.start), part.first + part.tokens)
                    for part in path
                    if part.start + part.tokens > earliest
                ]
                own = max(begin, begin + earliest - together[0].start) if len(together) == 1 else begin
                spans = (*past, (own, end))
                masked = (
                    ((first, end),) if window is None else spans
                )  # without a window, every query attends to all keys before the block
                seen = torch.cat([torch.arange(*span, device=device) for span in masked])
                hidden = places[seen] > places[first:end, None]
                if window is not None:
                    hidden |= places[seen] <= places[first:end, None] - window
                hidden |= (seen >= own) & (owners[seen] != owners[first:end, None])
                yield _Block(first, end, spans, hidden)


def _chunks(siblings: Sequence[RowPart]) -> Iterator[list[RowPart]]:
    """Yield groups of neighbouring parts that fit into one block. A part larger than a block is a group by itself."""
    chunk: list[RowPart] = []
    for part in siblings:
        if chunk and sum(one.tokens for one in chunk) + part.tokens > _BLOCK:
            yield chunk
            chunk = []
        chunk.append(part)
    yield chunk
