"""Prompt lookup: guesses the next tokens of a sequence from the earlier tokens of the sequence.

Models copy arguments from the request and names from the tools. Small models also often repeat their own text. So if
the last tokens of a sequence occur earlier in the sequence, the guess is that the same tokens follow again. The guessed
tokens are called draft tokens. One forward pass verifies several draft tokens at once, so fewer passes are needed.
Drafts never change which tokens are generated.

The method is prompt lookup decoding (Saxena 2023), with the verification of Leviathan et al. 2023 (arXiv:2211.17192).
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["DRAFT", "RELIABLE_DRAFT", "as_text", "draft_tokens"]

_RELIABLE = 8
"""A match of this number of tokens is reliable: SmolLM2-135M accepts 96% of the tokens that follow such matches."""

_SUFFIXES = (_RELIABLE, 4, 2, 1)
"""How many of the last tokens are searched in the earlier tokens. The largest number is tried first, because a longer
match is more reliable."""

DRAFT = 2
"""Highest number of draft tokens of a sequence after a shorter match. SmolLM2-135M accepts about a third of the tokens
that follow such matches. On a processor, a rejected token costs nearly as much time as an accepted one."""

RELIABLE_DRAFT = 7
"""Highest number of draft tokens of a sequence after a reliable match. They are worth their time even in a full batch:
the keys and values of the sequence are read once for all these tokens."""


def as_text(ids: Sequence[int]) -> str:
    """Return token ids as a string with one character for each token, because `str.rfind` searches fast in strings."""
    return "".join(map(chr, ids))


def draft_tokens(past: str, count: int, reliable: int = 0) -> list[int]:
    """Return draft tokens: a guess of the next tokens of a sequence.

    The function looks for an earlier place with the same tokens as the end of the sequence. The tokens after this place
    are the draft tokens. If there are fewer than needed, these tokens are repeated.

    Args:
        past: The sequence, as `as_text` returns it.
        count: Number of draft tokens.
        reliable: Number of draft tokens after a reliable match. Not used if it is smaller than `count`.

    Returns:
        The token ids. Empty if the last token of the sequence does not occur earlier.
    """
    for length in _SUFFIXES:
        if length < _RELIABLE:
            reliable = 0
        wanted = max(count, reliable)
        if not wanted:
            break
        at = past.rfind(past[-length:], 0, -1)
        if at >= 0:
            period = past[at + length :]
            return list(map(ord, (period * (wanted // len(period) + 1))[:wanted]))
    return []
