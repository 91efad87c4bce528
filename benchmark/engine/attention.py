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

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["NAME", "Decode", "Prefill", "Segment", "Slots", "Span", "register"]

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


class Decode:
    """Writes one token for each of the first `rows` slots.

    Args:
        slots: Where own tokens are kept; lengths are the caller's to raise after the pass.
        rows: Occupied slots.
        shared: Each span with the numbers of the rows that begin with it.
    """

    def __init__(self, slots: Slots, rows: int, shared: Sequence[tuple[Span, Tensor]]) -> None:
        import torch

        self._slots, self._rows, self._shared = slots, rows, shared
        self._lengths = slots.lengths[:rows].clone()
        self._longest = int(self._lengths.max()) + 1
        self._numbers = torch.arange(rows)
        self.positions = slots.starts[:rows] + self._lengths
        """Position of each row's new token."""
        self._masks: dict[int | None, Tensor] = {}
        self._reached: dict[int | None, list[tuple[Span, Tensor, int, Tensor | None]]] = {}

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float, window: int | None) -> Tensor:
        """As `Pass.attend`."""
        import torch

        rows, longest = self._rows, self._longest
        heads, size = key.shape[0], key.shape[2]
        keys, values = self._slots.reserve(layer, key, longest)
        at = self._numbers, slice(None), self._lengths
        keys[at], values[at] = key.transpose(0, 1), value.transpose(0, 1)

        # (rows, key heads, query heads of each, size)
        asked = (query * scale).view(heads, -1, rows, size).permute(2, 0, 1, 3)
        scores = torch.matmul(asked, keys[:rows, :, :longest].transpose(2, 3)).float()
        scores += self._own_mask(window, query.device)
        top = scores.amax(-1, keepdim=True)
        weights = (scores - top).exp_()
        total = weights.sum(-1, keepdim=True)
        out = torch.matmul(weights.to(query.dtype), values[:rows, :, :longest]).float()
        for span, members, first, mask in self._reach(window, query.device):
            _merge(asked, span.read(layer, span.length, first), members, mask, (top, total, out))
        return (out / total).to(query.dtype).permute(1, 2, 0, 3).reshape(-1, rows, size)

    def _own_mask(self, window: int | None, device: torch.device) -> Tensor:
        """Added to the scores of own tokens (rows, 1, 1, longest)."""
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

    def _reach(self, window: int | None, device: torch.device) -> list[tuple[Span, Tensor, int, Tensor | None]]:
        """Spans of which something is in reach: its rows, the first token in reach of any, what each row adds to it."""
        import torch

        if window in self._reached:
            return self._reached[window]
        found: list[tuple[Span, Tensor, int, Tensor | None]] = []
        positions = self.positions.to(device)
        for span, members in self._shared:
            if window is None:
                found.append((span, members, 0, None))
                continue
            earliest = positions[members] - window + 1
            near = earliest < span.start + span.length
            if not near.any():
                continue
            members, earliest = members[near], earliest[near]
            first = max(0, int(earliest.min()) - span.start)
            at = torch.arange(span.start + first, span.start + span.length, device=device)
            hidden = at < earliest[:, None]
            mask = torch.zeros(hidden.shape, device=device).masked_fill_(hidden, float("-inf"))
            found.append((span, members, first, mask[:, None] if hidden.any() else None))
        self._reached[window] = found
        return found


def _merge(
    asked: Tensor,
    shared: tuple[Tensor, Tensor],
    members: Tensor,
    mask: Tensor | None,
    softmax: tuple[Tensor, Tensor, Tensor],
) -> None:
    """Add the keys and values of a span to the unfinished softmax (maximum, sum, weighted values) of its rows."""
    import torch

    keys, values = shared  # (key heads, tokens, size)
    top, total, out = softmax
    rows, heads, groups, size = len(members), *asked.shape[1:]
    mine = asked[members].transpose(0, 1).reshape(heads, rows * groups, size)
    scores = torch.matmul(mine, keys.transpose(1, 2)).float().view(heads, rows, groups, -1)
    if mask is not None:
        scores += mask
    peak = scores.amax(-1, keepdim=True)
    weights = (scores - peak).exp_()
    sums = weights.sum(-1, keepdim=True)
    found = torch.matmul(weights.view(heads, rows * groups, -1).to(values.dtype), values).float()
    peak, sums = peak.transpose(0, 1), sums.transpose(0, 1)
    found = found.view(heads, rows, groups, size).transpose(0, 1)
    before = top[members]
    highest = torch.maximum(before, peak)
    mine_share, their_share = (before - highest).exp(), (peak - highest).exp()
    top[members] = highest
    total[members] = total[members] * mine_share + sums * their_share
    out[members] = out[members] * mine_share + found * their_share
