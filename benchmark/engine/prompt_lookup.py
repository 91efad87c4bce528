"""What a row writes next, looked up: a model that copies or repeats writes what stands before.

Arguments are copied from the request and names from the tools; a small model that has lost its way repeats itself until
it is cut off. Where the last tokens stand earlier, too, what followed them there is a guess that costs nothing, and one
pass checks many guesses at once (Saxena 2023, prompt lookup decoding; checked as in Leviathan et al. 2023,
arXiv:2211.17192). A guess decides how much is computed in one pass, never what is written.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["as_text", "guess"]

_SUFFIXES = (4, 2, 1)
"""Lengths of the endings that are looked for, the surest first."""


def as_text(ids: Sequence[int]) -> str:
    """Token ids as characters, among which an ending is found at the speed of `str.rfind`."""
    return "".join(map(chr, ids))


def guess(past: str, most: int) -> list[int]:
    """Token ids that may follow `past` (as `as_text` gives it); `most` of them, or none where its end is new.

    What repeats goes on repeating: behind the last token that is known, the guess continues with itself.
    """
    for length in _SUFFIXES:
        at = past.rfind(past[-length:], 0, -1)
        if at >= 0:
            period = past[at + length :]
            return list(map(ord, (period * (most // len(period) + 1))[:most]))
    return []
