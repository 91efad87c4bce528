"""Does a call carry the right tool and the right arguments?

Values are compared as JSON values: 3 equals 3.0, "3" is not 3, a bool is never a number, strings are equal after
Unicode NFC and white-space, lists in order, objects to any depth. An `Accept` rule widens that where its case says so.
An argument that the case does not mention is right only at its schema default; one that it mentions may be left out
where the case says so or where its schema default is itself accepted.

Parallel calls are matched to the expected ones by the assignment with the fewest faults.
"""

from __future__ import annotations

import math
import operator
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Literal

from toolmark.benchmark.data.cases import Accept, Call, CallOption, CallSpec, Tool, Toolbox
from toolmark.benchmark.scoring.causes import Cause

__all__ = [
    "Fault",
    "Match",
    "Rerun",
    "Spelling",
    "accepts",
    "canonical_arguments",
    "closest",
    "equal",
    "match_calls",
    "offered_tool",
    "same_names",
]

Spelling = Literal["exact", "dot_underscore"]
"""Whether names are compared as they are, or `.` and `_` in them are alike."""

Rerun = Callable[[Tool, Mapping[str, Any]], Any]
"""Runs a tool and returns its value; raises `LookupError` where the tool may not or cannot run."""

_ABSENT = object()
_MAX_UNORDERED = 1_000
"""Elements up to which lists are compared without order; the comparison is quadratic."""
_MAX_MARKS = 30
"""Combining marks in a row (Unicode's stream-safe limit) up to which text is normalised; sorting them is quadratic."""
_EXACT = 2**53
"""Whole numbers below this are exact as doubles."""


_MOST_PAIRED = 20
"""Calls that are paired with expected ones where their number is wrong: a model may write thousands."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a call.

    Attributes:
        cause: What kind of fault it is.
        where: The argument or the tool that it concerns.
        detail: The value that was given, or what was expected.
    """

    cause: Cause
    where: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """Calls compared with one complete right answer.

    Attributes:
        option: The answer.
        faults: Everything that keeps the calls from being this answer; empty where they are.
        by_call: Faults of each call that stands for an expected one, by the index of the call.
    """

    option: CallOption
    faults: tuple[Fault, ...]
    by_call: Mapping[int, Sequence[Fault]]


def _text(value: str) -> str:
    words = " ".join(value.split())
    if words.isascii():
        return words
    marks = 0
    for character in words if len(words) > _MAX_MARKS else "":
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks > _MAX_MARKS:
            return words
    return unicodedata.normalize("NFC", words)


def equal(left: Any, right: Any, *, numbers: Callable[[float, float], bool] = operator.eq) -> bool:
    """JSON equality as the module docstring defines it; `numbers` compares two numbers."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | float) and isinstance(right, int | float):
        return numbers(left, right)
    if isinstance(left, str) and isinstance(right, str):
        return left == right or _text(left) == _text(right)
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(equal(left[key], right[key], numbers=numbers) for key in left)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(partial(equal, numbers=numbers), left, right))
    return left is None and right is None


def _near(left: float, right: float) -> bool:
    """Equal up to the rounding of doubles; whole numbers exactly."""
    if left == right:
        return True
    if isinstance(left, int) and isinstance(right, int):
        return False
    try:
        whole = float(left).is_integer() and float(right).is_integer()
        if whole and abs(left) < _EXACT and abs(right) < _EXACT:
            return False
        return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-12)
    except OverflowError:  # an integer beyond the doubles
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


def _close(value: Any, accepted: Any, tolerance: float | None) -> bool:
    numbers = [x for x in (value, accepted) if isinstance(x, int | float) and not isinstance(x, bool)]
    if len(numbers) < 2:
        return False
    if tolerance is None:
        return _near(*numbers)
    try:
        distance = float(abs(numbers[0] - numbers[1]))
    except OverflowError:  # an integer beyond the doubles
        return False
    return distance <= tolerance or math.isclose(distance, tolerance, rel_tol=1e-9)  # 0.4 lies within 0.1 of 0.3


def _moment(value: Any) -> datetime | None:
    """ISO 8601 in any of its spellings; a bare date is its midnight."""
    if not isinstance(value, str):
        return None
    try:
        return datetime.fromisoformat(value.strip())
    except ValueError:
        return None


def _bfcl(value: Any) -> Any:
    """BFCL's `standardize_string`: case, blanks and the marks `,./-_*^` do not count, quotes are alike."""
    if isinstance(value, str):
        return re.sub(r"[ ,./\-_*^]", "", value).lower().replace("'", '"')
    if isinstance(value, list | tuple):
        return [_bfcl(item) for item in value]
    return value


def accepts(rule: Accept, value: Any, same_result: Callable[[Any], bool] | None = None) -> bool:
    """Is `value` right by `rule`?

    Args:
        rule: What the case accepts.
        value: What the model wrote.
        same_result: For the rule of that name: does the tool give the gold's result with `value` in its place?
    """
    match rule.match:
        case "exact":
            return any(equal(value, right) for right in rule.of)
        case "casefold":
            return isinstance(value, str) and any(
                isinstance(right, str) and _text(value).casefold() == _text(right).casefold() for right in rule.of
            )
        case "bfcl":
            return any(equal(_bfcl(value), _bfcl(right)) for right in rule.of)
        case "set":
            return any(_equal_unordered(value, right) for right in rule.of)
        case "number":
            return any(_close(value, right, rule.tolerance) for right in rule.of)
        case "date":
            moment = _moment(value)
            return moment is not None and any(moment == _moment(right) for right in rule.of)
        case "contains":
            if not isinstance(value, str):
                return False
            text = _text(value).casefold()
            return all(_text(part).casefold() in text for part in rule.of)
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


def canonical_arguments(spec: CallSpec) -> dict[str, Any]:
    """One right set of arguments: the first accepted value of each."""
    return {name: rule.example() for name, rule in spec.arguments.items()}


def _spelled(name: str, names: Spelling) -> str:
    return name.replace(".", "_") if names == "dot_underscore" else name


def offered_tool(name: str, toolbox: Toolbox, names: Spelling) -> Tool | None:
    """The tool that a call of `name` reaches, or None."""
    tool = toolbox.by_name.get(name)
    if tool is not None or names == "exact":
        return tool
    wanted = _spelled(name, names)
    return next((tool for tool in toolbox.tools if _spelled(tool.name, names) == wanted), None)


def same_names(calls: Sequence[Call], option: CallOption) -> bool:
    """Is the multiset of called names the expected one?"""
    if len(calls) != len(option.calls):
        return False
    if len(calls) == 1:  # most cases expect one
        return _spelled(calls[0].name, option.names) == _spelled(option.calls[0].name, option.names)
    called = Counter(_spelled(call.name, option.names) for call in calls)
    return called == Counter(_spelled(spec.name, option.names) for spec in option.calls)


def _argument_faults(call: Call, spec: CallSpec, tool: Tool, rerun: Rerun | None) -> list[Fault]:
    if not spec.arguments_known:
        return []
    properties = tool.parameters.get("properties")
    declared: Mapping[str, Any] = properties if isinstance(properties, Mapping) else {}

    def default(name: str) -> Any:
        schema = declared.get(name)
        return schema.get("default", _ABSENT) if isinstance(schema, Mapping) else _ABSENT

    def gives_same_result(name: str, value: Any) -> bool:
        if rerun is None:
            return False
        gold = canonical_arguments(spec)

        def result(written: Any) -> Any:
            try:
                return rerun(tool, {**gold, name: written})
            except LookupError:
                return _ABSENT

        given = result(value)
        # 3 * 0.1 and 0.3 are the same calculation.
        return given is not _ABSENT and any(
            equal(given, result(right), numbers=_near) for right in spec.arguments[name].of
        )

    found: list[Fault] = []
    for name, rule in spec.arguments.items():
        value = call.arguments.get(name, _ABSENT)
        if value is _ABSENT:
            value = default(name)
            if name not in spec.optional and (value is _ABSENT or not accepts(rule, value)):
                found.append(Fault(Cause.MISSING_ARGUMENT, name))
        elif not accepts(rule, value, partial(gives_same_result, name)):
            found.append(Fault(Cause.WRONG_VALUE, name, f"{value!r:.200}"))
    for name, value in call.arguments.items():
        if name not in spec.arguments:
            if name not in declared:
                found.append(Fault(Cause.EXTRA_ARGUMENT, name))
            elif not equal(value, default(name)):
                found.append(Fault(Cause.WRONG_VALUE, name, f"{value!r:.200}"))
    return found


def _pair_faults(call: Call, spec: CallSpec, option: CallOption, toolbox: Toolbox, rerun: Rerun | None) -> list[Fault]:
    tool = offered_tool(call.name, toolbox, option.names)
    if tool is None or _spelled(call.name, option.names) != _spelled(spec.name, option.names):
        return [Fault(Cause.WRONG_TOOL, call.name, f"expected {spec.name}")]
    return _argument_faults(call, spec, tool, rerun)


def _weight(found: Sequence[Fault]) -> int:
    """A wrong tool outweighs any number of wrong arguments, so that assignment pairs equal names first."""
    return sum(1_000_000 if fault.cause is Cause.WRONG_TOOL else 1 for fault in found)


def match_calls(calls: Sequence[Call], option: CallOption, toolbox: Toolbox, rerun: Rerun | None = None) -> Match:
    """Compare `calls` with the answer `option`.

    Args:
        calls: What the model called, in its order.
        option: One complete right answer.
        toolbox: The offered tools.
        rerun: Runs pure tools for `same_result`; without it that rule falls back to equality.
    """
    counted = len(calls) == len(option.calls)
    pairs = _assigned(calls if counted else calls[:_MOST_PAIRED], option, toolbox, rerun)
    by_call = {call: found for call, _, found in pairs}
    unknown = [
        Fault(Cause.UNKNOWN_TOOL, call.name) for call in calls if offered_tool(call.name, toolbox, option.names) is None
    ]
    if unknown:
        return Match(option, tuple(unknown), by_call)
    if not counted:
        count = Fault(Cause.WRONG_COUNT, "", f"{len(calls)} calls, expected {len(option.calls)}")
        return Match(option, (count,), by_call)
    found = [fault for _, _, those in pairs for fault in those]
    if not found and option.order == "given" and any(call != spec for call, spec, _ in pairs):
        in_order = (
            _pair_faults(call, spec, option, toolbox, rerun) for call, spec in zip(calls, option.calls, strict=True)
        )
        if any(in_order):
            found = [Fault(Cause.WRONG_ORDER, "", " → ".join(call.name for call in calls))]
    return Match(option, tuple(found), by_call)


def _assigned(
    calls: Sequence[Call], option: CallOption, toolbox: Toolbox, rerun: Rerun | None = None
) -> list[tuple[int, int, list[Fault]]]:
    """Which call stands for which expected one, as (index of the call, index of the expected one, its faults).

    The assignment with the fewest faults. Where the numbers differ, the longer side keeps some that are in no pair.
    """
    if not calls:
        return []
    table = [[_pair_faults(call, spec, option, toolbox, rerun) for spec in option.calls] for call in calls]
    if len(calls) == len(option.calls) == 1:
        return [(0, 0, table[0][0])]

    from scipy.optimize import linear_sum_assignment  # slow to import, and most cases expect one call

    rows, columns = linear_sum_assignment([[_weight(found) for found in row] for row in table])
    return [(int(row), int(column), table[row][column]) for row, column in zip(rows, columns, strict=True)]


def closest(
    calls: Sequence[Call], options: Sequence[CallOption], toolbox: Toolbox, rerun: Rerun | None = None
) -> Match:
    """The match with the option that the calls come closest to: least grave fault, then fewest faults."""
    matches = [match_calls(calls, option, toolbox, rerun) for option in options]
    return min(matches, key=lambda match: (bool(match.faults), -_gravest(match.faults), len(match.faults)))


def _gravest(found: Sequence[Fault]) -> int:
    return min((fault.cause.rank for fault in found), default=0)
