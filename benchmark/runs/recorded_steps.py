"""Puts the steps of a conversation in a ledger into their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

from toolmark.benchmark.core.strict_json import check_depth
from toolmark.benchmark.scoring.conversations import Step

__all__ = ["in_order", "put_step", "step_number"]

_MOST_STEPS = 10_000
_DEEPEST_STEP = 200
"""The sandbox returns results and states of at most 100 levels."""


def step_number(row: Mapping[str, Any]) -> int:
    """Return the number of a step in its conversation, from 1.

    Args:
        row: The line of a ledger.

    Raises:
        ValueError: The number is wrong, or the row is nested too deeply.
    """
    number = row["step"]
    if type(number) is not int or not 1 <= number <= _MOST_STEPS:
        raise ValueError(f"step must be a whole number from 1 to {_MOST_STEPS}")
    check_depth(row, _DEEPEST_STEP)
    return number


def put_step(numbered: dict[int, tuple[str, Step]], number: int, step: tuple[str, Step]) -> None:
    """Add a step to its conversation. If it replaces another step, the steps after that step are dropped.

    They belong to a conversation that went another way. For example, the world has changed since then.

    Args:
        numbered: The steps of the conversation so far, with their keys, by their numbers.
        number: The number of the step.
        step: The key and the step.
    """
    if numbered.get(number, step) != step:
        for later in [one for one in numbered if one > number]:
            del numbered[later]
    numbered[number] = step


def in_order(numbered: Mapping[int, tuple[str, Step]]) -> Sequence[tuple[str, Step]]:
    """Return the steps 1, 2, 3 and so on. Steps after a missing step are left out."""
    return [numbered[number] for number in takewhile(numbered.__contains__, range(1, len(numbered) + 1))]
