"""Packs conversations into rows of token ids of one length, with a loss weight for each token.

There is no document mask: the conversations in a row can attend to one another. Each begins with BOS, so the model
learns that a new conversation starts there. A row without a mask is fastest on a processor.

No conversation is cut: an answer without its tool list would teach the model to guess. A row therefore holds whole
sequences. The packer takes the longest sequence that still fits from a small window, so the order of the data changes
only within this window. A sequence that is longer than the current rows waits for longer rows.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolmark.benchmark.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolmark.benchmark.engine.encoding import Encoded

__all__ = ["RowPacker", "WeightedRow"]

POOL = 4096
"""How many sequences may wait for longer rows. When there are more, the oldest is dropped."""

WINDOW = 96
"""How many sequences the packer chooses from. Padding stays near 1%, and a sequence moves by at most this many."""


@dataclass(frozen=True, slots=True)
class WeightedRow:
    """One row of a batch: three lists of the row's length.

    Attributes:
        ids: Token ids: whole sequences one after another, then padding.
        weights: Loss weight of predicting each token; 0 for BOS and padding.
        answer: Whether the model writes the token itself.
    """

    ids: list[int]
    weights: list[float]
    answer: list[bool]


class RowPacker:
    """Fills rows from a stream of sequences.

    Args:
        stream: Sequences in the order of the data.
        pad: Id that fills the end of a row.
        prompt_weight: Loss weight of tokens that the model only reads. Tokens that it writes weigh 1.
    """

    def __init__(self, stream: Iterator[Encoded], pad: int, prompt_weight: float) -> None:
        self._stream, self._pad, self._prompt_weight = stream, pad, prompt_weight
        self._pool: deque[Encoded] = deque(maxlen=POOL)

    def rows(self, length: int) -> Iterator[WeightedRow]:
        """Rows of `length` tokens, until the stream ends.

        Sequences that waited for longer rows alternate with new ones, so that both are used.

        Raises:
            InputError: 4,096 sequences in a row were longer than `length`.
        """
        late = deque(sequence for sequence in self._pool if len(sequence.ids) <= length)
        self._pool = deque((sequence for sequence in self._pool if len(sequence.ids) > length), maxlen=POOL)
        window: list[Encoded] = []
        for fresh in self._stream:
            (window if len(fresh.ids) <= length else self._pool).append(fresh)
            if len(self._pool) == POOL and not window:
                raise InputError(
                    f"no conversation fits into a row of {length} tokens",
                    "Generate data with fewer tools: --max-distractors 4",
                )
            if late and len(window) < WINDOW:
                window.append(late.popleft())
            while len(window) >= WINDOW:
                yield self._fill(window, length)

    def _fill(self, window: list[Encoded], length: int) -> WeightedRow:
        """Fill one row from `window`: first the oldest sequence, then repeatedly the longest one that still fits."""
        row = WeightedRow([], [], [])
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
