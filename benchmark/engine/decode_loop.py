"""Many prompts continued at once: each shared prefix read once, each row stopping at its own end, its place refilled.

Rows come depth first through the tree of common prefixes, so a prefix is read when its first row is due and dropped
with its last one. Nothing is ever padded: a forward pass takes the tokens of many rows in one packed row.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain
from typing import TYPE_CHECKING

from toolmark.benchmark.core.errors import EnvironmentFault
from toolmark.benchmark.engine.kv_cache import Slot, Slots, Span
from toolmark.benchmark.engine.prefix_attention import Decode, Level, Pass, Prefill, Segment
from toolmark.benchmark.engine.prefix_tree import Leaf, Node, prefix_leaves
from toolmark.benchmark.engine.prompt_lookup import as_text, guess

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Choose", "DecodeLimits", "Forward", "write"]

Forward = Callable[[Sequence[int], "Tensor", Pass, Sequence[int]], "Tensor"]
"""Token ids, positions and pass of a packed row, and of which tokens to give the logits: (those, vocabulary)."""

Choose = Callable[["Tensor", Sequence[int]], list[int]]
"""The next token of each row, from its logits and its index."""


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """When to stop, and how much to do at once.

    Attributes:
        tokens: At most so many for a row.
        stops: Tokens that end a row.
        rows: Rows that are written at once.
        packed: Tokens that are read in one pass.
        ended: Whether a row, given its index and what it has written, ends before its stop.
    """

    tokens: int
    stops: frozenset[int]
    rows: int
    packed: int = 2048
    ended: Callable[[int, Sequence[int]], bool] | None = None

    def reached(self, index: int, written: Sequence[int]) -> bool:
        """Whether a row ends here."""
        if written[-1] in self.stops or len(written) >= self.tokens:
            return True
        return self.ended is not None and self.ended(index, written)


_OWN = 128
"""Tokens of a row in its slot. Each slot costs what the longest does; so a longer past gets a span of the row's own."""


@dataclass(slots=True)
class _Row:
    """A row that is being written.

    Attributes:
        leaf: What it continues.
        written: Its tokens, of this batch and of those before.
        past: Own tokens that are in no slot.
        prompt: What stands before `written`, as `guess` reads it.
        right: How many guesses held the last time; there is no reason to guess many more now.
    """

    leaf: Leaf
    written: list[int]
    past: Span | None
    prompt: str
    right: int = 0

    def ahead(self, most: int) -> list[int]:
        """The last token, and at `most` so many that may follow it."""
        last = self.written[-1:]
        if not most:
            return last
        return last + guess(self.prompt + as_text(self.written), min(most, 2 * self.right + 2))


def write(
    rows: Mapping[int, Sequence[int]], forward: Forward, choose: Choose, limits: DecodeLimits
) -> Iterator[tuple[int, list[int]]]:
    """Yield (index, tokens) of each row as it ends; the tokens go up to and with its stop.

    Where memory runs out, what was written is kept, and half as many rows go on.

    Raises:
        EnvironmentFault: There is no memory for one row.
    """
    written: dict[int, list[int]] = {index: [] for index in rows}
    count = limits.rows
    while written:
        batch = _Batch(forward, choose, limits, count)
        try:
            for index, tokens in batch.run({index: [*rows[index], *done] for index, done in written.items()}, written):
                del written[index]
                yield index, tokens
        except RuntimeError as error:
            if not _out_of_memory(error):
                raise
            if count == 1:
                raise EnvironmentFault(
                    f"there is no memory to answer even one case at a time: {str(error).splitlines()[0]}",
                    "Free some, take a smaller model, or fewer tools a case.",
                ) from None
            count //= 2


def _out_of_memory(error: RuntimeError) -> bool:
    """Whether memory ran out: torch has a class for devices, and words alone for a processor."""
    import torch

    return (
        isinstance(error, torch.OutOfMemoryError)
        or "allocate memory" in str(error)
        or "not enough memory" in str(error)
    )


@dataclass(slots=True)
class _Batch:
    forward: Forward
    choose: Choose
    limits: DecodeLimits
    count: int
    active: list[_Row] = field(default_factory=list)
    spans: dict[Node, Span] = field(default_factory=dict)

    def run(
        self, rows: Mapping[int, Sequence[int]], written: Mapping[int, list[int]]
    ) -> Iterator[tuple[int, list[int]]]:
        """Continue `rows`, adding to what is `written` of each, until all have ended."""
        slots = Slots(self.count)
        waiting = deque(prefix_leaves(rows))
        shared: list[Level] | None = None
        while waiting or self.active:
            # Reading a few rows costs nearly as much as reading many.
            if waiting and self.count - len(self.active) >= max(1, self.count // 4):
                self._admit(waiting, written, slots)
                shared = None
            else:
                if shared is None:
                    shared = self._shared()
                self._step(slots, shared)
                for number in (slots.lengths[: len(self.active)] >= _OWN).nonzero().flatten().tolist():
                    self.active[number].past = slots.empty(number, self.active[number].past)
                    shared = None
            for number in reversed(range(len(self.active))):
                row = self.active[number]
                if self.limits.reached(row.leaf.index, row.written):
                    self._leave(number, slots)
                    shared = None
                    yield row.leaf.index, row.written

    def _admit(self, waiting: deque[Leaf], written: Mapping[int, list[int]], slots: Slots) -> None:
        """Read the next rows that have a place, as many as fit one pass."""
        ids: list[int] = []
        segments: list[Segment] = []
        ends: list[int] = []
        fresh: list[_Row] = []
        while waiting and len(self.active) + len(fresh) < self.count:
            if fresh and len(ids) + len(waiting[0].ids) > self.limits.packed:
                break
            leaf = waiting.popleft()
            path = self._path(leaf)
            past, own = None, leaf.ids
            if len(own) > min(_OWN, self.limits.packed):
                past, own = Span(leaf.start, len(own) - 1), own[-1:]
                for chunk in _chunks(leaf.ids[:-1], self.limits.packed):
                    self._read(chunk, path, past)
                path = (*path, past)
            slot = Slot(slots, len(self.active) + len(fresh), leaf.start + len(leaf.ids) - len(own))
            ids += own
            segments.append(Segment(path, slot, len(own)))
            ends.append(len(ids) - 1)
            done, known = written[leaf.index], as_text([*chain(*(node.ids for node in leaf.path)), *leaf.ids])
            fresh.append(_Row(leaf, done, past, known[: len(known) - len(done)]))
        logits = self._pass(ids, segments, ends)
        self.active += fresh
        for row, token in zip(fresh, self.choose(logits, [row.leaf.index for row in fresh]), strict=True):
            row.written.append(token)

    def _path(self, leaf: Leaf) -> tuple[Span, ...]:
        """The spans before a row's own tokens; those that no row needed before are read now."""
        path: tuple[Span, ...] = ()
        for node in leaf.path:
            if node not in self.spans:
                span = Span(node.start, len(node.ids))
                for chunk in _chunks(node.ids, self.limits.packed):
                    self._read(chunk, path, span)
                self.spans[node] = span
            path = (*path, self.spans[node])
        return path

    def _read(self, ids: Sequence[int], path: tuple[Span, ...], store: Span | Slot) -> None:
        self._pass(ids, [Segment(path, store, len(ids))], [len(ids) - 1])

    def _pass(self, ids: Sequence[int], segments: Sequence[Segment], ends: Sequence[int]) -> Tensor:
        import torch

        begins = [segment.store.start + segment.store.length for segment in segments]
        positions = torch.cat(
            [torch.arange(begin, begin + segment.tokens) for begin, segment in zip(begins, segments, strict=True)]
        )
        logits = self.forward(ids, positions, Prefill(segments), ends)
        for segment in segments:
            segment.store.length += segment.tokens
        return logits

    def _step(self, slots: Slots, shared: Sequence[Level]) -> None:
        """One token for every row, and those that were guessed right: guesses take the places that no row takes."""
        count = len(self.active)
        spare = (self.count - count) // count
        ahead = [row.ahead(min(spare, self.limits.tokens - len(row.written) - 1)) for row in self.active]
        decode = Decode(slots, [len(tokens) for tokens in ahead], shared)
        ids = list(chain.from_iterable(ahead))
        logits = self.forward(ids, decode.positions, decode, range(len(ids)))
        for number, added in enumerate(self._accept(logits, ahead)):
            self.active[number].right = added - 1
            slots.lengths[number] += added

    def _accept(self, logits: Tensor, ahead: Sequence[Sequence[int]]) -> list[int]:
        """Add to each row what the logits (tokens, vocabulary) choose, as far as its guesses hold; how many each got.

        Chosen token by token, as without guesses: to choose may be to draw.
        """
        first = [0, *accumulate(map(len, ahead))]
        added = [0] * len(ahead)
        going = list(range(len(ahead)))
        while going:
            places = [first[number] + added[number] for number in going]
            chosen = self.choose(
                logits if len(places) == len(logits) else logits[places],
                [self.active[number].leaf.index for number in going],
            )
            held = []
            for number, token in zip(going, chosen, strict=True):
                row = self.active[number]
                row.written.append(token)
                added[number] += 1
                guessed = ahead[number][added[number] : added[number] + 1]
                if guessed == [token] and not self.limits.reached(row.leaf.index, row.written):
                    held.append(number)
            going = held
        return added

    def _shared(self) -> list[Level]:
        """The spans before the rows' own tokens, by depth: at one depth each row has one at most."""
        import torch

        levels: list[dict[Span, list[int]]] = []
        for number, row in enumerate(self.active):
            path = [self.spans[node] for node in row.leaf.path]
            path += [] if row.past is None else [row.past]
            levels += [{} for _ in range(len(path) - len(levels))]
            for level, span in zip(levels, path, strict=False):
                level.setdefault(span, []).append(number)
        return [[(span, torch.tensor(rows)) for span, rows in level.items()] for level in levels]

    def _leave(self, number: int, slots: Slots) -> None:
        """Free a row's place, into which the last row moves, and the spans that no other row needs."""
        row, last = self.active[number], self.active.pop()
        if last is not row:
            slots.move(len(self.active), number)
            self.active[number] = last
        for node in row.leaf.path:
            node.rows -= 1
            if not node.rows:
                del self.spans[node]


def _chunks(ids: Sequence[int], size: int) -> list[Sequence[int]]:
    return [ids[first : first + size] for first in range(0, len(ids), size)]
