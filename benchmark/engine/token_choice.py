"""Chooses the next token. This is the most likely token. With a temperature above 0, it is a random token."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.core.hashing import digest
from toolmark.benchmark.engine.decode_loop import Choose
from toolmark.benchmark.engine.finite_logits import check_logits

if TYPE_CHECKING:
    import torch

__all__ = ["chooser", "most_likely", "seed_of"]


def chooser(decoding: Decoding, seed: Callable[[int], int]) -> Choose:
    """Return a function that chooses the next token of each sequence.

    With a temperature above 0, each sequence has its own random generator. So the tokens of a sequence do not depend on
    the other sequences in the batch.

    The returned function raises `NoNumbers` if the largest logit of a sequence is NaN or infinite.

    Args:
        decoding: The decoding options.
        seed: A function that returns the seed of a sequence. Its argument is the index of the sequence. The function is
            not called with a temperature of 0.
    """
    import torch

    temperature = decoding.temperature
    if temperature == 0:
        return most_likely
    generators: dict[int, torch.Generator] = {}

    def draw(logits: torch.Tensor, indices: Sequence[int]) -> list[int]:
        check_logits(logits.amax(-1), indices)
        # This is computed on the processor, because mps has no double precision.
        chances = torch.softmax(logits.cpu().double() / temperature, -1)
        for index in indices:
            if index not in generators:
                generators[index] = torch.Generator().manual_seed(seed(index))
        drawn = (
            torch.multinomial(row, 1, generator=generators[index]) for index, row in zip(indices, chances, strict=True)
        )
        return [int(token) for token in drawn]

    return draw


def most_likely(logits: torch.Tensor, indices: Sequence[int]) -> list[int]:
    """Return the most likely token of each sequence.

    Raises:
        NoNumbers: A logit is NaN or infinite.
    """
    tokens = logits.argmax(-1, keepdim=True)
    check_logits(logits.gather(-1, tokens)[:, 0], indices)  # If a logit is NaN, argmax chooses this logit.
    chosen: list[int] = tokens[:, 0].tolist()
    return chosen


def seed_of(*parts: object) -> int:
    """Return a hash of `parts`, which is used as a seed."""
    return int(digest(parts), 16) % 2**63
