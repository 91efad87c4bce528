"""Tools for exact arithmetic: expressions and combinations."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from toolmark.benchmark.tools.catalog._expressions import ARITHMETIC, evaluate

WORKER_IMPORTS = ("simpleeval",)

Count = Annotated[int, Field(ge=0, le=1000)]


def calculator(expression: str) -> int | float:
    """Evaluate an arithmetic expression.

    Args:
        expression: Numbers with + - * / // % ** and parentheses, such as "(2 + 3) * 4".
    """
    result = evaluate(expression, ARITHMETIC)()
    if isinstance(result, bool) or not isinstance(result, int | float):
        raise ValueError("the result is not a number")
    return result


def calculate_combinations(n: Count, r: Count) -> int:
    """Count the ways to choose r items out of n, where order does not matter.

    Args:
        n: How many items there are.
        r: How many are chosen.
    """
    return math.comb(n, r)
