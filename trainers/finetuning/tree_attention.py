"""Attention over a row of parts (`toolmark.trainers.finetuning.shared_prefixes`), forward and back, in plain matrix products.

Queries meet their keys in blocks: neighbours of one past together, a long part in pieces, so that all that lies before
them is one product for all of them and only what is their own needs a mask. The heads that share keys are rows of one
product. Scores are not kept: the way back computes them again, block by block, so that memory grows with the row and
not with its square.

On a processor this is what makes training fast: its fused attention multiplies bfloat16 no faster than float32, and
matrix products take a third of the time. Scores are rounded to the precision of the products, as in the plain attention
of transformers; their softmax is summed in float32.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from toolmark.trainers.finetuning.shared_prefixes import Part

__all__ = ["TreeAttention"]

_BLOCK = 384
"""Most queries of a block: fewer waste less on what a mask hides, more make larger products."""


class TreeAttention:
    """What `toolmark.benchmark.engine.prefix_attention` is given for one pass over a row of `parts`."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._blocks: dict[int | None, list[_Block]] = {}

    def attend(self, _: int, query: Tensor, key: Tensor, value: Tensor, scale: float, window: int | None) -> Tensor:
        """Queries (heads, tokens, size), keys and values (key heads, tokens, size); gives (heads, tokens, size)."""
        if window not in self._blocks:
            self._blocks[window] = list(_blocks(self._parts, window, query.device))
        device = query.device.type
        kind = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else query.dtype
        with torch.autocast(device, enabled=False):
            attended: Tensor = _Attention.apply(  # type: ignore[no-untyped-call]
                (query * scale).to(kind), key.to(kind), value.to(kind), self._blocks[window]
            )
        return attended


@dataclass(frozen=True, slots=True)
class _Block:
    """Queries of consecutive tokens, and the keys that one of them sees.

    Attributes:
        first: Place of the first query in the row.
        end: Place behind the last.
        spans: First and end place of stretches of keys.
        hidden: Which of the last keys each query does not see (queries, keys); those before them, each sees.
    """

    first: int
    end: int
    spans: tuple[tuple[int, int], ...]
    hidden: Tensor

    def keys(self, of: Tensor) -> Tensor:
        """The block's rows of keys or values (key heads, tokens, size)."""
        if len(self.spans) == 1:
            return of[:, slice(*self.spans[0])]
        return torch.cat([of[:, first:end] for first, end in self.spans], 1)

    def queries(self, of: Tensor, key_heads: int) -> Tensor:
        """The block's rows of queries (heads, tokens, size), those of a key head together (key heads, rows, size)."""
        return of[:, self.first : self.end].reshape(key_heads, -1, of.shape[-1])

    def weights(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Attention (key heads, rows, keys) of scaled queries."""
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
        to_query = torch.empty_like(query)
        to_key, to_value = (torch.zeros_like(one, dtype=torch.float32) for one in (key, value))
        for block in ctx.blocks:
            queries, keys, values = block.queries(query, len(key)), block.keys(key), block.keys(value)
            rows = block.queries(gradient, len(key))
            weights = block.weights(queries, keys)
            to_weights = rows @ values.transpose(1, 2)
            to_scores = torch._softmax_backward_data(to_weights, weights, -1, weights.dtype)
            to_query[:, block.first : block.end] = (to_scores @ keys).view(len(query), -1, query.shape[-1])
            # Transposed are the narrow sides: a product copies what it is given transposed.
            found = queries.transpose(1, 2) @ to_scores, rows.transpose(1, 2) @ weights
            for total, part in zip((to_key, to_value), found, strict=True):
                at = 0
                for first, end in block.spans:
                    total[:, first:end] += part[..., at : at + end - first].transpose(1, 2)
                    at += end - first
        return to_query, to_key.to(key.dtype), to_value.to(value.dtype), None


def _blocks(parts: Sequence[Part], window: int | None, device: torch.device) -> Iterator[_Block]:
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
                masked = ((first, end),) if window is None else spans  # all of what stands before, every query sees
                seen = torch.cat([torch.arange(*span, device=device) for span in masked])
                hidden = places[seen] > places[first:end, None]
                if window is not None:
                    hidden |= places[seen] <= places[first:end, None] - window
                hidden |= (seen >= own) & (owners[seen] != owners[first:end, None])
                yield _Block(first, end, spans, hidden)


def _chunks(siblings: Sequence[Part]) -> Iterator[list[Part]]:
    """Neighbours that fit into one block; a part that alone does not, alone."""
    chunk: list[Part] = []
    for part in siblings:
        if chunk and sum(one.tokens for one in chunk) + part.tokens > _BLOCK:
            yield chunk
            chunk = []
        chunk.append(part)
    yield chunk
