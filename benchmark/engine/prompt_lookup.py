"""Prompt lookup: draft tokens from earlier text, for models that copy or repeat.

Models copy arguments from the request and names from the tools, and a small model may repeat itself until it is cut. If
the last tokens of a sequence occur earlier in it, the tokens that followed them there are taken as a draft. One pass
checks several draft tokens at once (Saxena 2023, prompt lookup decoding; checked as in Leviathan et al. 2023,
arXiv:2211.17192). The draft changes how much one pass computes, never which tokens are generated.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["as_text", "draft_tokens"]

_SUFFIXES = (4, 2, 1)
"""Numbers of last tokens that are looked up; the longest first, because it is the most reliable."""


def as_text(ids: Sequence[int]) -> str:
    """Token ids as characters of a string, so that `str.rfind` can search them fast."""
    return "".join(map(chr, ids))


def draft_tokens(past: str, count: int) -> list[int]:
    """Draft tokens that may follow a sequence.

    If the earlier text ends before the draft is long enough, the draft repeats itself, as a text that repeats does.

    Args:
        past: The sequence, as `as_text` gives it.
        count: Number of draft tokens.

    Returns:
        `count` token ids; none if the end of the sequence does not occur earlier.
    """
    for length in _SUFFIXES:
        at = past.rfind(past[-length:], 0, -1)
        if at >= 0:
            period = past[at + length :]
            return list(map(ord, (period * (count // len(period) + 1))[:count]))
    return []
