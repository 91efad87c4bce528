"""Keeping the chance of any false alarm in a family of tests at the level of one."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["holm"]


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values by Holm's step-down rule (Holm 1979, Scand. J. Stat. 6:65), valid whatever their dependence.

    The i-th smallest of m is multiplied by m - i + 1, raised to the largest before it, and cut at 1. An adjusted value
    of at most 5% is a rejection at a family-wise 5%. An empty family gives an empty list; a family of one is left as it
    is.

    Args:
        p_values: Shape (m,), in any order.

    Returns:
        Adjusted values in the order of `p_values`, shape (m,).
    """
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted
