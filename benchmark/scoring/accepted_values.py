"""Decides whether an argument value is right.

By default, a value is right if it equals an expected value. Values are compared as JSON:

- 3 equals 3.0. The string "3" does not equal 3. A boolean never equals a number.
- Before strings are compared, Unicode NFC is applied, and each run of white-space becomes one blank.
- Lists are compared item by item, in order. Objects are compared key by key.

If a case has an `Accept` rule for an argument, this rule is used instead of the equality.
"""

from __future__ import annotations

import math
import operator
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from toolmark.benchmark.data.match_rules import Accept

__all__ = ["accepts", "equal", "nearly_equal", "normalised"]

_MAX_UNORDERED = 1_000
"""The rule `set` compares longer lists in order, because comparing without order takes quadratic time."""
_MAX_MARKS = 30
"""NFC is not applied to a string with more than this number of consecutive combining marks.

NFC sorts the marks in quadratic time. The limit is the limit of Unicode's stream-safe text format.
"""
_EXACT = 2**53
"""A double represents every whole number below this limit exactly."""


def normalised(value: str) -> str:
    """Return a string in Unicode NFC, in which each run of white-space is one blank."""
    words = " ".join(value.split())
    if words.isascii():
        return words
    marks = 0
    for character in words if len(words) > _MAX_MARKS else "":
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks > _MAX_MARKS:
            return words
    return unicodedata.normalize("NFC", words)


def _same_words(left: str, right: str) -> bool:
    return left == right or normalised(left) == normalised(right)


def equal(
    left: Any,
    right: Any,
    *,
    numbers: Callable[[float, float], bool] = operator.eq,
    strings: Callable[[str, str], bool] = _same_words,
) -> bool:
    """Return whether two JSON values are equal, by the rules in the docstring of this module.

    Args:
        left: A JSON value.
        right: Another JSON value.
        numbers: Function that returns whether two numbers are equal.
        strings: Function that returns whether two strings are equal.
    """
    if isinstance(left, str) and isinstance(right, str):  # Most values are strings, so strings are tested first.
        return strings(left, right)
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | float) and isinstance(right, int | float):
        return numbers(left, right)
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(
            equal(left[key], right[key], numbers=numbers, strings=strings) for key in left
        )
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(partial(equal, numbers=numbers, strings=strings), left, right))
    return left is None and right is None


def nearly_equal(left: float, right: float) -> bool:
    """Return whether two numbers are equal, or differ only by the rounding of doubles. Whole numbers must be exactly
    equal.
    """
    if left == right:
        return True
    if isinstance(left, int) and isinstance(right, int):
        return False
    try:
        whole = float(left).is_integer() and float(right).is_integer()
        if whole and abs(left) < _EXACT and abs(right) < _EXACT:
            return False
        return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-12)
    except OverflowError:  # an integer too large for a double
        return False


def _equal_unordered(left: Any, right: Any) -> bool:
    if not isinstance(left, list | tuple) or not isinstance(right, list | tuple) or len(left) != len(right):
        return False
    if len(left) > _MAX_UNORDERED:
        return equal(left, right)
    rest = list(right)
    for item in left:
        position = next((index for index, other in enumerate(rest) if equal(item, other)), None)
        if position is None:
            return False
        del rest[position]
    return True


def _within_tolerance(value: Any, accepted: Any, tolerance: float | None) -> bool:
    numbers = [x for x in (value, accepted) if isinstance(x, int | float) and not isinstance(x, bool)]
    if len(numbers) < 2:
        return False
    if tolerance is None:
        return nearly_equal(*numbers)
    try:
        distance = float(abs(numbers[0] - numbers[1]))
    except OverflowError:  # an integer too large for a double
        return False
    # Because of rounding, 0.4 - 0.3 is a little more than 0.1. The second condition accepts 0.4 for 0.3 ± 0.1.
    return distance <= tolerance or math.isclose(distance, tolerance, rel_tol=1e-9)


def _moment(value: Any) -> datetime | None:
    """Return the date and time that `value` contains in an ISO 8601 format, or None.

    A date without a time means midnight.
    """
    if not isinstance(value, str):
        return None
    try:
        return datetime.fromisoformat(value.strip())
    except ValueError:
        return None


def _standardised(value: Any) -> Any:
    """Return `value` with every string changed as by BFCL's `standardize_string`.

    The characters `,./-_*^` and blanks are deleted, letters become lower case, and `'` becomes `"`.
    """
    if isinstance(value, str):
        return re.sub(r"[ ,./\-_*^]", "", value).lower().replace("'", '"')
    if isinstance(value, list | tuple):
        return [_standardised(item) for item in value]
    return value


def accepts(rule: Accept, value: Any, same_result: Callable[[Any], bool] | None = None) -> bool:
    """Return whether `rule` accepts `value`.

    Args:
        rule: The rule of the case for this argument.
        value: The value that the model wrote.
        same_result: Function that runs the tool with a value. It returns whether the tool gives the expected result.
            Only the rule `same_result` uses this function.
    """
    match rule.match:
        case "exact":
            return any(equal(value, right) for right in rule.of)
        case "casefold":
            return isinstance(value, str) and any(
                isinstance(right, str) and normalised(value).casefold() == normalised(right).casefold()
                for right in rule.of
            )
        case "bfcl":
            return any(equal(_standardised(value), _standardised(right)) for right in rule.of)
        case "set":
            return any(_equal_unordered(value, right) for right in rule.of)
        case "number":
            return any(_within_tolerance(value, right, rule.tolerance) for right in rule.of)
        case "date":
            moment = _moment(value)
            return moment is not None and any(moment == _moment(right) for right in rule.of)
        case "contains":
            if not isinstance(value, str):
                return False
            text = normalised(value).casefold()
            return all(normalised(part).casefold() in text for part in rule.of)
        case "anything":
            return True
        case "nonempty":
            return bool(value.strip()) if isinstance(value, str) else value not in (None, [], {}, ())
        case "same_result":
            return any(equal(value, right) for right in rule.of) or (same_result is not None and same_result(value))
        case "object":
            return (
                isinstance(value, Mapping)
                and value.keys() <= rule.of.keys()
                and all(
                    accepts(inner, value[key]) if key in value else key in rule.optional
                    for key, inner in rule.of.items()
                )
            )
        case "list":
            return isinstance(value, list | tuple) and len(value) == len(rule.of) and all(map(accepts, rule.of, value))
