"""Prompt lookup: guesses the next tokens of a sequence (draft tokens) from its earlier text.

Models copy arguments from the request and names from the tools. A small model may also repeat its own text. If the last
tokens of a sequence occur earlier in the sequence, the tokens after the earlier place become the draft. One forward
pass verifies several draft tokens at once, so fewer passes are needed. The generated tokens are always the same as
without drafts.

The method is prompt lookup decoding (Saxena 2023), with the verification of Leviathan et al. 2023 (arXiv:2211.17192).
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["as_text", "draft_tokens"]

_SUFFIXES = (4, 2, 1)
"""How many of the last tokens are searched in the earlier text. The largest number is tried first, because a longer
match is more reliable."""


def as_text(ids: Sequence[int]) -> str:
    """Return token ids as characters of a string. In a string, `str.rfind` can search fast."""
    return "".join(map(chr, ids))


def draft_tokens(past: str, count: int) -> list[int]:
    """Return draft tokens that may follow a sequence.

    If the text after the earlier place is shorter than the draft, this text is repeated.

    Args:
        past: The sequence, as `as_text` returns it.
        count: Number of draft tokens.

    Returns:
        `count` token ids. Empty if the last token of the sequence does not occur earlier.
    """
    for length in _SUFFIXES:
        at = past.rfind(past[-length:], 0, -1)
        if at >= 0:
            period = past[at + length :]
            return list(map(ord, (period * (count // len(period) + 1))[:count]))
    return []
