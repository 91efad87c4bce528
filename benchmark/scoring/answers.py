"""Checks whether an answer uses the tool result at the end of the conversation.

`told_facts.py` asks a stricter question: whether an answer tells a certain fact.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from toolmark.benchmark.core.strict_json import python_literal
from toolmark.benchmark.data.cases import Message

__all__ = ["result_value", "uses_result"]

_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?|\d+(?:\.\d+)?")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_AFTERNOON = re.compile(r"\b(1[01]|[1-9])(?:[:.]\d\d)?\s{0,2}p\.?m", re.IGNORECASE)
_COUNTS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_WORD_VALUES = {word: value for value, word in enumerate(_COUNTS)} | {
    spelling: value for value, month in enumerate(_MONTHS, start=1) for spelling in (month, month[:3])
}


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


def _numbers(text: str) -> list[tuple[float, int]]:
    """Return every number in `text`, with its number of decimals. In 1,234 the comma is ignored."""
    found = _NUMBER.findall(_THOUSANDS.sub("", text))
    return [(float(number), len(number.partition(".")[2])) for number in found]


def _double(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf


def _numbers_in_words(answer: str) -> set[float]:
    """Return the whole numbers that `answer` contains as words.

    For example, "three" is 3, "March" is 3, "3 pm" is 15, and "noon" is 12.
    """
    words = set(re.findall(r"[a-z]+", answer.casefold()))
    numbers = {float(value) for word, value in _WORD_VALUES.items() if word in words}
    return numbers | {float(hour) + 12 for hour in _AFTERNOON.findall(answer)} | ({12.0} if "noon" in words else set())


def result_value(content: str) -> Any:
    """Return the value that is written in the content of a tool turn.

    The content is read as JSON if possible, otherwise as a Python literal, otherwise as a string. Some tools write
    Python literals, for example `True` or `['a']`.
    """
    for read in (json.loads, python_literal):
        try:
            return read(content)
        except (ValueError, RecursionError):
            continue
    return content


def uses_result(messages: Sequence[Message], answer: str) -> bool | None:
    """Return whether `answer` contains at least one value of the tool result at the end of the conversation.

    - Numbers are rounded to the decimals that the answer uses. For example, the answer 3.14 uses the result 3.14159.
      Signs are ignored. For example, "5 days earlier" uses -5.
    - A date or a time is compared by its numbers. The answer can contain months and hours in words, too.
    - Any other string must occur in the answer as whole words. Upper and lower case count as equal.
    - If a result is a boolean, every answer with text uses the result, because "yes" has too many spellings.

    Args:
        messages: The conversation before the answer.
        answer: The text for the user.

    Returns:
        None if the conversation does not end with a tool result. For example, if the user asks "is that per person?"
        after a result, a good answer does not have to contain the result.
    """
    if messages[-1].role != "tool":
        return None
    said = _Said(answer)
    return any(said.tells(leaf) for leaf in _leaves(result_value(messages[-1].content)))


class _Said:
    """An answer, with the numbers in it."""

    def __init__(self, answer: str) -> None:
        self._text = answer.casefold()
        self._written = _numbers(answer)
        self._values = {number for number, _ in self._written} | _numbers_in_words(answer)

    def tells(self, value: str | float | bool) -> bool:
        """Return whether the answer contains `value`, a part of a result."""
        if isinstance(value, bool):
            return bool(self._text.strip())
        if isinstance(value, str):
            return _contains(value.strip(), self._text, self._values)
        size = abs(_double(value))
        return size in self._values or any(
            abs(size - abs(number)) <= 0.5 * 10.0**-decimals for number, decimals in self._written
        )


def _contains(leaf: str, text: str, values: set[float]) -> bool:
    """Return whether an answer contains `leaf`, a string of the tool result.

    `text` is the casefolded answer, and `values` are the numbers in the answer.
    """
    if not leaf:
        return False
    if re.search(rf"(?<![a-z0-9]){re.escape(leaf.casefold())}(?:e?s)?(?![a-z0-9])", text):
        return True
    try:
        moment = datetime.fromisoformat(leaf)
    except ValueError:
        numbers = {number for number, _ in _numbers(leaf)}
        return bool(numbers) and numbers <= values
    # A date like 19.10.2026 contains whole numbers, not decimal numbers.
    values = values | {float(digits) for digits in re.findall(r"\d{1,4}", text)}
    day = {float(moment.month), float(moment.day)}
    hour = {float(moment.hour), float(moment.minute)} - ({0.0} if moment.hour else set())
    return day <= values or (len(leaf) > len("2026-01-01") and hour <= values)
