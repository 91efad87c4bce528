"""Compares the beginnings of two sequences, for example of texts or of token ids."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

__all__ = ["common_beginning"]


def common_beginning(one: Sequence[Any], other: Sequence[Any]) -> int:
    """Return the number of equal elements at the beginning of two sequences.

    Whole slices are compared, because a prompt can have tens of thousands of characters or tokens.
    """
    if type(one) is not type(other):  # Slices of different types are never equal.
        one, other = tuple(one), tuple(other)
    return bisect_left(range(min(len(one), len(other))), True, key=lambda last: one[: last + 1] != other[: last + 1])
