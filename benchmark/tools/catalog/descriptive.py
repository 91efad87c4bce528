"""Tools for descriptive statistics of a list of numbers."""

from __future__ import annotations

import statistics
from typing import Annotated

from pydantic import Field

from toolmark.benchmark.tools.catalog._values import Number


def compute_median(numbers: Annotated[list[Number], Field(min_length=1)]) -> int | float:
    """Find the median of a list of numbers.

    Args:
        numbers: The numbers, at least one.
    """
    return statistics.median(numbers)


def compute_std_dev(numbers: Annotated[list[Number], Field(min_length=2)]) -> float:
    """Find the sample standard deviation of a list of numbers.

    Args:
        numbers: The numbers, at least two.
    """
    return float(statistics.stdev(numbers))


def compute_min_max(numbers: Annotated[list[Number], Field(min_length=1)]) -> dict[str, int | float]:
    """Find the smallest and the largest of a list of numbers.

    Args:
        numbers: The numbers, at least one.
    """
    return {"min": min(numbers), "max": max(numbers)}
