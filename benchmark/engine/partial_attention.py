"""Attention to a part of the keys, and the combination of such parts.

The softmax of a query can be computed in parts. Each part has an output, and the logarithm of the sum of its
exponentials (log-sum-exp). These two values are enough to combine parts exactly (Dao et al. 2022, arXiv:2205.14135).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["HIDDEN", "add_part", "attend", "hidden_keys", "sum_parts"]

HIDDEN = -1e30
"""The number that a mask adds to the score of a hidden key. The number is finite. So a part in which all keys are
hidden has a finite log-sum-exp, and gets no weight when it is combined with another part."""

_SCORES = 1 << 26
"""Highest number of scores that `_attend` computes at once."""


def attend(
    query: Tensor, key: Tensor, value: Tensor, scale: float, mask: Tensor | None = None, *, causal: bool = False
) -> tuple[Tensor, Tensor]:
    """Return the output and the log-sum-exp of the attention of queries to these keys.

    Args:
        query: Queries (batch, heads, queries, size).
        key: Keys (batch, heads, keys, size).
        value: Values (batch, heads, keys, size).
        scale: The number by which the scores are multiplied.
        mask: A mask that is added to the scores, in float32. Its shape is (queries, keys) or (batch, 1, queries, keys).
        causal: Whether query i attends only to the keys from 0 to i.

    Returns:
        The output (batch, heads, queries, size), and the log-sum-exp (batch, heads, queries) in float32.
    """
    import torch

    if query.device.type == "cpu":
        found: tuple[Tensor, Tensor] = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            query, key, value, 0.0, causal, attn_mask=mask, scale=scale
        )
        return found
    if causal:
        at = torch.arange(query.shape[2], device=query.device)
        mask = hidden_keys(at, at, None, causal=True)
    return _attend(query, key, value, scale, mask)


def _attend(
    query: Tensor, key: Tensor, value: Tensor, scale: float, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Do the same as `attend` on any device, in single operations."""
    import torch

    most = max(1, _SCORES // (query.shape[0] * query.shape[1] * key.shape[2]))
    if query.shape[2] > most:
        turns = [slice(begin, begin + most) for begin in range(0, query.shape[2], most)]
        parts = [
            _attend(query[:, :, turn], key, value, scale, None if mask is None else mask[..., turn, :])
            for turn in turns
        ]
        return torch.cat([out for out, _ in parts], dim=2), torch.cat([sums for _, sums in parts], dim=2)
    scores = torch.matmul(query * scale, key.transpose(2, 3)).float()
    if mask is not None:
        scores += mask
    top = scores.amax(-1, keepdim=True)
    weights = scores.sub_(top).exp_()
    total = weights.sum(-1, keepdim=True)
    out = torch.matmul(weights.to(value.dtype), value) / total
    return out, (top + total.log())[..., 0]


def hidden_keys(queries: Tensor, keys: Tensor, window: int | None, *, causal: bool) -> Tensor | None:
    """Return a mask for `attend`, of shape (queries, keys). Return None if no key is hidden.

    Args:
        queries: Positions of the queries.
        keys: Positions of the keys.
        window: Length of a sliding window in tokens. None for full attention.
        causal: Whether there can be keys after a query. Such keys are hidden.
    """
    import torch

    hidden = keys > queries[:, None] if causal else torch.zeros(1, 1, dtype=torch.bool, device=keys.device)
    if window is not None:
        hidden = hidden | (keys <= queries[:, None] - window)
    if not bool(hidden.any()):
        return None
    return torch.zeros(hidden.shape, device=keys.device).masked_fill_(hidden, HIDDEN)


def add_part(out: Tensor, sums: Tensor, part: Tensor, part_sums: Tensor) -> None:
    """Combine the attention to further keys with `out` and `sums`, which are changed in place.

    Args:
        out: The output so far, in float32. Without earlier parts, it is 0.
        sums: The log-sum-exp so far. Without earlier parts, it is minus infinity.
        part: The output of the attention to the further keys.
        part_sums: The log-sum-exp of the attention to the further keys.
    """
    import torch

    out.lerp_(part.to(out.dtype), (part_sums - sums).sigmoid()[..., None])
    torch.logaddexp(sums, part_sums, out=sums)


def sum_parts(queries: Tensor, part: Tensor, part_sums: Tensor, count: int) -> Tensor:
    """Return the combined output of each query. The parts can belong to the queries in any order.

    Args:
        queries: For each part, the number of its query.
        part: The output of each part (parts, heads, groups, size).
        part_sums: The log-sum-exp of each part (parts, heads, groups).
        count: Number of queries. Every query has at least one part.

    Returns:
        The output of each query (queries, heads, groups, size), in float32.
    """
    shape = (count, *part_sums.shape[1:])
    each = queries[:, None, None].expand_as(part_sums)
    top = part_sums.new_full(shape, float("-inf")).scatter_reduce_(0, each, part_sums, "amax")
    shares = (part_sums - top[queries]).exp_()
    total = part_sums.new_zeros(shape).index_add_(0, queries, shares)
    out = part_sums.new_zeros((*shape, part.shape[-1])).index_add_(0, queries, part * shares[..., None])
    return out / total[..., None]
