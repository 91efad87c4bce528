"""Attention over shared prefixes, in place of a model's own: exact, without padding, and without copying a prefix.

A forward pass takes the tokens of many sequences in one packed row, with their positions. All layers but attention
work token by token and need not know; attention is this module's, registered with transformers under a name. Each
token attends to the spans that its sequence shares with others, to its own past and to itself.

When tokens are written one at a time, the queries of all sequences under a shared span meet its keys in one matrix
product, and the parts of each softmax are put together by their maxima and sums (Dao et al. 2022, arXiv:2205.14135;
for shared prefixes Juravsky et al. 2024, arXiv:2402.05099).

Which keys a token sees is decided by positions alone, so sliding windows are exact wherever a key is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from toolmark.benchmark.engine.kv_cache import Slot, Slots, Span

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["NAME", "Decode", "Level", "Pass", "Prefill", "Segment", "register"]

NAME = "toolmark_shared_prefixes"
"""Under which transformers knows this attention."""


class Pass(Protocol):
    """Where the keys of one forward pass go and which of them each query sees."""

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float, window: int | None) -> Tensor:
        """Attention of packed tokens: queries (heads, tokens, size), keys and values (key heads, tokens, size)."""
        ...


def register() -> None:
    """Make the attention known to transformers. Without a mask function of that name no mask is made."""
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
    """Consecutive tokens of one sequence in a packed row: kept in `store`, behind what is there and behind `path`."""

    path: tuple[Span, ...]
    store: Span | Slot
    tokens: int


_BLOCK, _WINDOW_BLOCK = 512, 256
"""Queries that meet their keys at once. A mask hides keys but spares no work, so that only keys which some query of a
block sees are there at all (2,048 tokens behind as many others, one core: 170 and 93 ms at once, 116 and 29 ms in
blocks, without and with a window of 512)."""


class Prefill:
    """Reads prompts: segments of many tokens, each attending to its past and, causally, to itself."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._segments = segments
        self._masks: dict[tuple[int, int, int | None], Tensor | None] = {}

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float, window: int | None) -> Tensor:
        """As `Pass.attend`."""
        import torch
        from torch.nn.functional import scaled_dot_product_attention

        groups = query.shape[0] // key.shape[0]
        out, first = [], 0
        for number, segment in enumerate(self._segments):
            here = slice(first, first + segment.tokens)
            segment.store.write(layer, key[:, here], value[:, here])
            for begin, end in _blocks(segment, window):
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
    """Keys or values of several stores, one after the other, for each query head; copied only where they must be."""
    import torch

    joined = parts[0] if len(parts) == 1 else torch.cat(list(parts), dim=1)
    heads, tokens, size = joined.shape
    return joined[:, None].expand(heads, groups, tokens, size).reshape(heads * groups, tokens, size)


def _blocks(segment: Segment, window: int | None) -> list[tuple[int, int]]:
    """First and end token of each block of queries; one where no token is hidden but those that come later."""
    position = segment.store.start + segment.store.length
    alone = segment.store.length == 0 and not segment.path
    if alone and (window is None or position + segment.tokens <= window):
        return [(0, segment.tokens)]
    size = _BLOCK if window is None else _WINDOW_BLOCK
    return [(begin, min(begin + size, segment.tokens)) for begin in range(0, segment.tokens, size)]


def _visible(segment: Segment, begin: int, end: int, window: int | None) -> list[tuple[Span | Slot, int, int]]:
    """For each store that a token of a block may see: the store, its first and its end token that are in reach."""
    position = segment.store.start + segment.store.length + begin
    earliest = 0 if window is None else max(0, position - window + 1)
    ends: list[tuple[Span | Slot, int]] = [(span, span.length) for span in segment.path]
    ends.append((segment.store, segment.store.length + end))
    return [(store, max(0, earliest - store.start), last) for store, last in ends if store.start + last > earliest]


def _causal_mask(
    segment: Segment,
    begin: int,
    end: int,
    seen: Sequence[tuple[Span | Slot, int, int]],
    window: int | None,
    device: torch.device,
) -> Tensor | None:
    """Which keys each token of a block sees (tokens, keys); None where it sees those before it in the block alone."""
    import torch

    position = segment.store.start + segment.store.length + begin
    ((_, earliest, last), *others) = seen
    if not others and last - earliest == end - begin and (window is None or end - begin <= window):
        return None
    queries = torch.arange(position, position + end - begin, device=device)[:, None]
    keys = torch.cat([torch.arange(store.start + at, store.start + last, device=device) for store, at, last in seen])
    mask = keys <= queries
    return mask if window is None else mask & (keys > queries - window)


Level = Sequence[tuple[Span, "Tensor"]]
"""Spans, each with the numbers of the rows that begin with it; no row under two of them."""


def _by_token(level: Level, numbers: Tensor) -> Level:
    """A level of rows as one of their new tokens, where `numbers` has the row of each token."""
    import torch

    return [(span, torch.isin(numbers, rows).nonzero().flatten()) for span, rows in level]


@dataclass(frozen=True, slots=True)
class _Reached:
    """What is in reach of a level: each span with its first token in reach, how many rows and what each adds to it."""

    rows: Tensor
    spans: Sequence[tuple[Span, int, int, Tensor | None]]


class Decode:
    """Writes new tokens behind those of the first slots: one each, or several that are guesses but for the first.

    Args:
        slots: Where own tokens are kept; lengths are the caller's to raise after the pass.
        counts: New tokens of each occupied slot.
        shared: What stands before them, by the slots' numbers.
    """

    def __init__(self, slots: Slots, counts: Sequence[int], shared: Sequence[Level]) -> None:
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
        """Position of each new token."""
        self._masks: dict[int | None, Tensor] = {}
        self._reached: dict[int | None, list[_Reached]] = {}

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float, window: int | None) -> Tensor:
        """As `Pass.attend`."""
        import torch

        tokens, longest = len(self._numbers), self._longest
        heads, size = key.shape[0], key.shape[2]
        keys, values = self._slots.reserve(layer, key, longest)
        at = self._numbers, slice(None), self._lengths
        keys[at], values[at] = key.transpose(0, 1), value.transpose(0, 1)
        mine = slice(tokens) if self._single else self._numbers

        # (tokens, key heads, query heads of each, size)
        asked = (query * scale).view(heads, -1, tokens, size).permute(2, 0, 1, 3)
        scores = torch.matmul(asked, keys[:, :, :longest][mine].transpose(2, 3)).float()
        scores += self._own_mask(window, query.device)
        top = scores.amax(-1, keepdim=True)
        weights = (scores - top).exp_()
        total = weights.sum(-1, keepdim=True)
        out = torch.matmul(weights.to(query.dtype), values[:, :, :longest][mine]).float()
        for level in self._reach(window, query.device):
            _merge(asked, level, layer, (top, total, out))
        return (out / total).to(query.dtype).permute(1, 2, 0, 3).reshape(-1, tokens, size)

    def _own_mask(self, window: int | None, device: torch.device) -> Tensor:
        """Added to the scores of own tokens (tokens, 1, 1, longest)."""
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
        """Levels of which something is in reach."""
        import torch

        if window not in self._reached:
            levels = ([self._in_reach(*each, window, device) for each in level] for level in self._shared)
            near = ([each for each in level if each is not None] for level in levels)
            self._reached[window] = [
                _Reached(torch.cat([rows for rows, _ in level]), [span for _, span in level]) for level in near if level
            ]
        return self._reached[window]

    def _in_reach(
        self, span: Span, members: Tensor, window: int | None, device: torch.device
    ) -> tuple[Tensor, tuple[Span, int, int, Tensor | None]] | None:
        """The rows that reach a span, and it as in `_Reached`."""
        import torch

        members = members.to(device)
        if window is None:
            return members, (span, 0, len(members), None)
        earliest = self.positions.to(device)[members] - window + 1
        near = earliest < span.start + span.length
        if not near.any():
            return None
        members, earliest = members[near], earliest[near]
        first = max(0, int(earliest.min()) - span.start)
        at = torch.arange(span.start + first, span.start + span.length, device=device)
        hidden = at < earliest[:, None]
        mask = torch.zeros(hidden.shape, device=device).masked_fill_(hidden, float("-inf")) if hidden.any() else None
        return members, (span, first, len(members), None if mask is None else mask[:, None])


def _merge(asked: Tensor, level: _Reached, layer: int, softmax: tuple[Tensor, Tensor, Tensor]) -> None:
    """Add the keys and values of a level to the unfinished softmax (maximum, sum, weighted values) of its rows.

    Only what must be done span by span is; rows are gathered and scattered once, in a fixed order.
    """
    import torch

    top, total, out = softmax
    heads, groups, size = asked.shape[1:]
    gathered = asked[level.rows].transpose(0, 1).contiguous()  # (key heads, rows, query heads of each, size)
    parts: list[tuple[Tensor, Tensor, Tensor]] = []
    begin = 0
    for span, first, count, mask in level.spans:
        keys, values = span.read(layer, span.length, first)  # (key heads, tokens, size)
        mine = gathered[:, begin : begin + count].reshape(heads, count * groups, size)
        begin += count
        scores = torch.matmul(mine, keys.transpose(1, 2)).float()
        if mask is not None:
            scores.view(heads, count, groups, -1).add_(mask)
        peak = scores.amax(-1, keepdim=True)
        weights = scores.sub_(peak).exp_()
        parts.append((peak, weights.sum(-1, keepdim=True), torch.matmul(weights.to(values.dtype), values).float()))
    peak, sums, found = (
        torch.cat(part, dim=1).view(heads, begin, groups, -1).transpose(0, 1) for part in zip(*parts, strict=True)
    )
    before = top[level.rows]
    highest = torch.maximum(before, peak)
    mine_share, their_share = (before - highest).exp(), (peak - highest).exp()
    top[level.rows] = highest
    total[level.rows] = total[level.rows] * mine_share + sums * their_share
    out[level.rows] = out[level.rows] * mine_share + found * their_share
