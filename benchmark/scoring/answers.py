"""Does an answer use the tool result that the conversation ends with?"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from toolmark.benchmark.data.cases import Message
from toolmark.benchmark.readers.strict_json import python_literal

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
    """Numbers written in `text` with their decimals; a comma before three digits separates thousands."""
    found = _NUMBER.findall(_THOUSANDS.sub("", text))
    return [(float(number), len(number.partition(".")[2])) for number in found]


def _double(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf


def _spoken(answer: str) -> set[float]:
    """Whole numbers that `answer` says in words: counts to twelve, months, hours of the afternoon."""
    words = set(re.findall(r"[a-z]+", answer.casefold()))
    said = {float(value) for word, value in _WORD_VALUES.items() if word in words}
    return said | {float(hour) + 12 for hour in _AFTERNOON.findall(answer)} | ({12.0} if "noon" in words else set())


def result_value(content: str) -> Any:
    """What a tool turn says: JSON, a Python literal (`True`, `['a']`: tools that print what they return), or text."""
    for read in (json.loads, python_literal):
        try:
            return read(content)
        except (ValueError, RecursionError):
            continue
    return content


def uses_result(messages: Sequence[Message], answer: str) -> bool | None:
    """Does at least one value of the tool result that ends the conversation stand in `answer`?

    None where the conversation does not end with a result: a follow-up ("is that per person?") may be answered well
    without repeating a value. Numbers are compared by value, to the precision in which the answer writes them (3.14
    uses 3.14159), and without regard to sign ("5 days earlier" uses -5); a date or a time by its numbers, months and
    hours also in words; other strings as whole words without case; a boolean result is used by any answer, because
    "yes" has too many spellings.
    """
    if messages[-1].role != "tool":
        return None
    written = _numbers(answer)
    values = {number for number, _ in written} | _spoken(answer)
    text = answer.casefold()
    for leaf in _leaves(result_value(messages[-1].content)):
        if isinstance(leaf, bool):
            used = bool(answer.strip())
        elif isinstance(leaf, int | float):
            size = abs(_double(leaf))
            used = size in values or any(
                abs(size - abs(number)) <= 0.5 * 10.0**-decimals for number, decimals in written
            )
        else:
            used = _says(leaf.strip(), text, values)
        if used:
            return True
    return False


def _says(leaf: str, text: str, values: set[float]) -> bool:
    """Does the string `leaf` of a result stand in `text`, an answer without case that holds the numbers `values`?"""
    if not leaf:
        return False
    if re.search(rf"(?<![a-z0-9]){re.escape(leaf.casefold())}(?:e?s)?(?![a-z0-9])", text):
        return True
    try:
        moment = datetime.fromisoformat(leaf)
    except ValueError:
        numbers = {number for number, _ in _numbers(leaf)}
        return bool(numbers) and numbers <= values
    values = values | {float(digits) for digits in re.findall(r"\d{1,4}", text)}  # 19.10.2026 is no decimal number
    day = {float(moment.month), float(moment.day)}
    hour = {float(moment.hour), float(moment.minute)} - ({0.0} if moment.hour else set())
    return day <= values or (len(leaf) > len("2026-01-01") and hour <= values)
