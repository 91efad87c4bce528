"""From conversations to rows of token ids, all of one length, with a weight for each token.

*Rows without a document mask.* Several conversations share a row and may attend to one another: each begins with BOS,
which a model learns to read as a fresh start, and one dense causal row is the fastest thing a CPU can do.

*Nothing is cut.* An answer whose tool list lies in another row would teach guessing. A row is therefore filled with
whole sequences, the longest that fits out of a small window, so that the order of the data (a curriculum) is kept but
for that window; a sequence longer than the rows of this stage waits for a stage with longer rows.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolmark.benchmark.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolmark.benchmark.engine.encoding import Encoded

__all__ = ["Packer", "Row"]

POOL = 4096
"""How many sequences may wait for longer rows; beyond it the oldest are given up."""

WINDOW = 96
"""Sequences among which the best fit is sought: padding stays near 1%, and the order moves by no more than this."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a batch: three lists of the row's length.

    Attributes:
        ids: Token ids, whole sequences one after another and padding at the end.
        weights: Loss weight of each token, as the target of the token before it; 0 for BOS and padding.
        answer: Whether the token is the model's own to write.
    """

    ids: list[int]
    weights: list[float]
    answer: list[bool]


class Packer:
    """Fills rows from a stream of sequences.

    Args:
        stream: Sequences in the order of the curriculum.
        pad: Id that fills the end of a row.
        prompt_weight: Loss weight of what the model only reads. What it writes weighs 1.
    """

    def __init__(self, stream: Iterator[Encoded], pad: int, prompt_weight: float) -> None:
        self._stream, self._pad, self._prompt_weight = stream, pad, prompt_weight
        self._pool: deque[Encoded] = deque(maxlen=POOL)

    def rows(self, length: int) -> Iterator[Row]:
        """Rows of `length` tokens, until the stream ends.

        Sequences that were too long for the rows before come in one for each new one, so that they neither crowd out
        what is new nor stay behind.

        Raises:
            InputError: Thousands of sequences in turn are longer than a row.
        """
        late = deque(sequence for sequence in self._pool if len(sequence.ids) <= length)
        self._pool = deque((sequence for sequence in self._pool if len(sequence.ids) > length), maxlen=POOL)
        window: list[Encoded] = []
        for fresh in self._stream:
            (window if len(fresh.ids) <= length else self._pool).append(fresh)
            if len(self._pool) == POOL and not window:
                raise InputError(f"no conversation fits into a row of {length} tokens", "Offer fewer tools at once.")
            if late and len(window) < WINDOW:
                window.append(late.popleft())
            while len(window) >= WINDOW:
                yield self._fill(window, length)

    def _fill(self, window: list[Encoded], length: int) -> Row:
        """Take sequences out of `window`: the oldest first, then the longest that still fits, again and again."""
        row = Row([], [], [])
        chosen: Encoded | None = window[0]
        while chosen is not None:
            window.remove(chosen)
            row.ids.extend(chosen.ids)
            row.answer.extend(chosen.supervised)
            row.weights.extend(1.0 if mine else self._prompt_weight for mine in chosen.supervised)
            row.weights[-len(chosen.ids)] = 0.0
            room = length - len(row.ids)
            chosen = max(
                (sequence for sequence in window if len(sequence.ids) <= room),
                key=lambda sequence: len(sequence.ids),
                default=None,
            )
        room = length - len(row.ids)
        row.ids.extend([self._pad] * room)
        row.weights.extend([0.0] * room)
        row.answer.extend([False] * room)
        return row
