"""Holm's correction, which limits the probability of any false rejection in a family of tests."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["holm"]


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values by Holm's step-down rule (Holm 1979, Scand. J. Stat. 6:65).

    The i-th smallest of m p-values is multiplied by m - i + 1, and a product above 1 becomes 1. The adjusted p-value is
    the largest product among this p-value and all smaller p-values. If the adjusted p-value is at most 5%, the test
    rejects at a family-wise level of 5%. The rule is valid for any dependence between the tests.

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
