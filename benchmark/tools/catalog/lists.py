"""Tools that reverse, deduplicate, sort and filter lists."""

from __future__ import annotations

from toolmark.benchmark.tools.catalog._expressions import ARITHMETIC, COMPARISON, evaluate
from toolmark.benchmark.tools.catalog._values import (
    Number,
    NumberOrText,
    Scalar,
)

WORKER_IMPORTS = ("simpleeval",)


def reverse_list(items: list[Scalar]) -> list[str | int | float | bool]:
    """Reverse the order of a list.

    Args:
        items: The items.
    """
    return items[::-1]


def deduplicate_list(items: list[Scalar]) -> list[str | int | float | bool]:
    """Remove repeated items from a list; the first of each stays in its place.

    Args:
        items: The items.
    """
    # In Python, True equals 1. In JSON, true and 1 are different values.
    first: dict[tuple[bool, str | int | float | bool], str | int | float | bool] = {}
    for item in items:
        first.setdefault((isinstance(item, bool), item), item)
    return list(first.values())


def sort_list(items: list[Number] | list[str], descending: bool = False) -> list[int | float] | list[str]:
    """Sort a list of numbers or of texts.

    Args:
        items: All numbers, or all texts.
        descending: True for largest first.
    """
    return sorted(items, reverse=descending)  # type: ignore[return-value]


def filter_list(items: list[NumberOrText], condition: str) -> list[int | float | str]:
    """Keep the items of a list that meet a condition.

    Args:
        items: Numbers or texts.
        condition: A comparison in x, such as "x > 10" or "x.startswith('a')".
    """
    test = evaluate(condition, {**ARITHMETIC, **COMPARISON}, {"len": len, "abs": abs})
    return [item for item in items if test(x=item)]
