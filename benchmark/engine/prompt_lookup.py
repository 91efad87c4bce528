"""Prompt lookup, which takes draft tokens from earlier text, for models that copy or repeat text.

Models copy arguments from the request and names from the tools. A small model may repeat the same text until its
completion is cut. If the last tokens of a sequence occur earlier in the sequence, the tokens after the earlier
occurrence become the draft. One pass verifies several draft tokens at once. The method is prompt lookup decoding
(Saxena 2023), with the verification of Leviathan et al. 2023 (arXiv:2211.17192). Drafts reduce the number of passes.
The generated tokens are always the same as without drafts.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["as_text", "draft_tokens"]

_SUFFIXES = (4, 2, 1)
"""The numbers of last tokens that are looked up. The largest number is tried first, because a longer match is more
reliable."""


def as_text(ids: Sequence[int]) -> str:
    """Token ids as characters of a string, so that `str.rfind` can search for token ids fast."""
    return "".join(map(chr, ids))


def draft_tokens(past: str, count: int) -> list[int]:
    """Draft tokens that may follow a sequence.

    If the earlier text is shorter than the draft, the earlier text is repeated in the draft.

    Args:
        past: The sequence, as `as_text` returns it.
        count: Number of draft tokens.

    Returns:
        `count` token ids. The list is empty if the end of the sequence does not occur earlier.
    """
    for length in _SUFFIXES:
        at = past.rfind(past[-length:], 0, -1)
        if at >= 0:
            period = past[at + length :]
            return list(map(ord, (period * (count // len(period) + 1))[:count]))
    return []
