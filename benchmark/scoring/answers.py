"""Does an answer use the tool result that the conversation already holds?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from benchmark.cases import Message

__all__ = ["uses_result"]

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def _leaves(value: Any) -> Iterator[Any]:
    match value:
        case dict():
            for inner in value.values():
                yield from _leaves(inner)
        case list():
            for inner in value:
                yield from _leaves(inner)
        case None:
            return
        case _:
            yield value


def _numbers(text: str) -> set[float]:
    """Numbers written in `text`; a comma between digits is a thousands separator."""
    return {float(match) for match in _NUMBER.findall(re.sub(r"(?<=\d),(?=\d{3})", "", text))}


def uses_result(messages: Sequence[Message], answer: str) -> bool | None:
    """Does at least one value of the last tool result stand in `answer`? None where there is no result.

    Numbers are compared by value, to the precision in which the answer writes them (3.14 uses 3.14159); strings without
    case; a boolean result is used by any answer, because "yes" has too many spellings.
    """
    results = [message.content for message in messages if message.role == "tool"]
    if not results:
        return None
    try:
        result = json.loads(results[-1])
    except (ValueError, RecursionError):
        result = results[-1]
    written = _numbers(answer)
    for leaf in _leaves(result):
        if isinstance(leaf, bool):
            return bool(answer.strip())
        if isinstance(leaf, int | float):
            if any(abs(leaf - number) <= 0.5 * 10 ** -_decimals(number) for number in written):
                return True
        elif leaf.strip() and (leaf.strip().casefold() in answer.casefold() or _all_written(_numbers(leaf), written)):
            return True
    return False


def _all_written(numbers: set[float], written: set[float]) -> bool:
    return bool(numbers) and numbers <= written


def _decimals(number: float) -> int:
    _, _, fraction = repr(number).partition(".")
    return len(fraction.rstrip("0")) if fraction.isdigit() else 0
