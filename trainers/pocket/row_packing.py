"""Packs conversations into rows of token ids with a fixed length, and gives each token a loss weight.

There is no mask between the conversations of a row, because rows without a mask are fastest on a processor. So a token
can also attend to earlier conversations in its row. Every conversation begins with BOS, and the model learns that BOS
starts a new conversation.

No conversation is cut, because an answer without its tool list would teach the model to guess. The packer looks at the
next few sequences (a window), and takes the longest of them that still fits. So the order of the data changes only a
little. A sequence that is longer than the current rows is kept for longer rows.
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
"""Highest number of sequences that are kept for longer rows. If there are more, the oldest sequence is dropped."""

WINDOW = 96
"""Number of sequences from which the packer chooses. With this number, about 1% of the tokens are padding."""


@dataclass(frozen=True, slots=True)
class WeightedRow:
    """One row of a batch, as three lists. Each list has the length of the row.

    Attributes:
        ids: Token ids of whole sequences, followed by padding.
        weights: Loss weight of each token. The weight is 0 for BOS and padding.
        answer: Whether the model writes the token.
    """

    ids: list[int]
    weights: list[float]
    answer: list[bool]


class RowPacker:
    """Fills rows from a stream of sequences.

    Args:
        stream: Sequences in the order of the data.
        pad: Token id of the padding.
        prompt_weight: Loss weight of tokens that the model only reads. Tokens that the model writes have the weight 1.
    """

    def __init__(self, stream: Iterator[Encoded], pad: int, prompt_weight: float) -> None:
        self._stream, self._pad, self._prompt_weight = stream, pad, prompt_weight
        self._pool: deque[Encoded] = deque(maxlen=POOL)

    def rows(self, length: int) -> Iterator[WeightedRow]:
        """Yield rows of `length` tokens until the stream ends.

        Sequences that did not fit into earlier, shorter rows alternate with new sequences, so both kinds are used.

        Raises:
            InputError: 4,096 consecutive sequences were longer than `length`.
        """
        late = deque(sequence for sequence in self._pool if len(sequence.ids) <= length)
        self._pool = deque((sequence for sequence in self._pool if len(sequence.ids) > length), maxlen=POOL)
        window: list[Encoded] = []
        for fresh in self._stream:
            (window if len(fresh.ids) <= length else self._pool).append(fresh)
            if len(self._pool) == POOL and not window:
                raise InputError(
                    f"no conversation fits into a row of {length} tokens",
                    "Generate data with fewer offered tools, for example with --max-distractors 4",
                )
            if late and len(window) < WINDOW:
                window.append(late.popleft())
            while len(window) >= WINDOW:
                yield self._fill(window, length)

    def _fill(self, window: list[Encoded], length: int) -> WeightedRow:
        """Fill one row from `window`: first the oldest sequence, then always the longest sequence that still fits."""
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
