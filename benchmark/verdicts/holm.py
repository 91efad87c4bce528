"""Holm's correction of p-values. It limits the probability that any test in a family of tests rejects falsely."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["holm"]


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted by Holm's step-down rule (Holm 1979, Scand. J. Stat. 6:65).

    The i-th smallest of m p-values is multiplied by m - i + 1, and a product above 1 becomes 1. The adjusted p-value is
    the largest product so far, from the smallest p-value up to this p-value. A test rejects at a family-wise level of
    5% if its adjusted p-value is at most 5%. The rule is valid for any dependence between the tests.

    Args:
        p_values: The p-values of the family, in any order, shape (m,).

    Returns:
        The adjusted p-values in the order of `p_values`, shape (m,).
    """
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted
