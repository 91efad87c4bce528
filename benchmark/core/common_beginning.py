"""Compares the beginnings of two sequences, for example of texts or of token ids."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

__all__ = ["common_beginning"]


def common_beginning(one: Sequence[Any], other: Sequence[Any]) -> int:
    """Return the number of equal elements at the beginning of two sequences."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
