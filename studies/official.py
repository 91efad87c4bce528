"""Implements BFCL's checker again, with a switch for each rule that differs from our rules.

The implementation follows ShishirPatil/gorilla, bfcl_eval/eval_checker/ast_eval/ast_checker.py, commit a6da28ee, for
calls in Python's syntax. If no switch is on, all rules are BFCL's rules. Each switch replaces one rule of BFCL by our
rule. The reason for a disagreement is the smallest set of switches with which this checker gives our verdict.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Literal, get_args

from toolmark.benchmark.readers.tool_formats import tool_of
from toolmark.benchmark.scoring.accepted_values import equal
from toolmark.benchmark.tools.right_arguments import schema_faults

__all__ = ["POINTS", "Point", "official", "reasons"]

Point = Literal[
    "integers in a list of numbers",
    "best assignment",
    "schema default",
    "whole float for an integer",
    "spelling of names",
    "white-space and Unicode",
    "own schema",
    "booleans are no numbers",
    "empty list for none",
    "empty string for none",
]
POINTS: tuple[Point, ...] = get_args(Point)

Calls = Sequence[Mapping[str, Any]]
Switches = AbstractSet[Point]

_TYPES: Mapping[str, type] = {
    "string": str,
    "integer": int,
    "float": float,
    "boolean": bool,
    "array": list,
    "tuple": list,
    "dict": dict,
    "any": str,
}
_MOST_SWITCHES = 3


def official(
    functions: Sequence[Any], truth: Calls, calls: Calls, *, underscored: bool, on: Switches = frozenset()
) -> bool:
    """Return whether `calls` match the answer `truth`.

    Args:
        functions: The offered functions, in BFCL's form.
        truth: The right answer, with one `{name: {argument: [value, …]}}` for each call.
        calls: The decoded calls, each in the form `{name: arguments}`.
        underscored: Whether the model was shown `_` instead of `.` in names.
        on: The switches that are on.
    """
    if not isinstance(calls, list | tuple) or len(calls) != len(truth):
        return False
    if not all(isinstance(call, Mapping) for call in calls):
        return False
    by_name = {function["name"]: function for function in functions}
    fits = [
        [_call(by_name[next(iter(answer))], next(iter(answer.values())), call, underscored, on) for call in calls]
        for answer in truth
    ]
    if "best assignment" in on:
        return any(all(row[index] for row, index in zip(fits, order, strict=True)) for order in _orders(fits))
    free = list(range(len(calls)))
    for row in fits:
        found = next((index for index in free if row[index]), None)
        if found is None:
            return False
        free.remove(found)
    return True


def _orders(fits: Sequence[Sequence[bool]]) -> Sequence[tuple[int, ...]]:
    """Return all assignments of calls to expected calls in which each call fits.

    There are few assignments, because few calls fit one expected call.
    """
    found: list[tuple[int, ...]] = [()]
    for row in fits:
        found = [(*taken, index) for taken in found for index, fit in enumerate(row) if fit and index not in taken]
    return found


def _call(function: Any, answer: Mapping[str, Any], call: Mapping[str, Any], underscored: bool, on: Switches) -> bool:
    shown = function["name"].replace(".", "_") if underscored else function["name"]
    called = {name.replace(".", "_"): value for name, value in call.items()} if "spelling of names" in on else call
    given = called.get(shown.replace(".", "_") if "spelling of names" in on else shown)
    if not isinstance(given, Mapping):
        return False
    properties = function["parameters"]["properties"]

    def default_fits(name: str) -> bool:
        spec = properties.get(name, {})
        if "schema default" not in on or "default" not in spec:
            return False
        return name not in answer or _value(spec["default"], answer[name], spec, on)

    if any(name not in given and not default_fits(name) for name in function["parameters"].get("required", [])):
        return False
    for name, value in given.items():
        if name not in properties:
            return False
        if name not in answer:
            if not (default_fits(name) and equal(value, properties[name]["default"])):
                return False
        elif not _value(value, answer[name], properties[name], on):
            only_default = all(right == "" for right in answer[name]) and "default" in properties[name]
            if not ("schema default" in on and only_default and equal(value, properties[name]["default"])):
                return False
    if any(name not in given and "" not in answer[name] and not default_fits(name) for name in answer):
        return False
    return not ("own schema" in on and schema_faults(given, tool_of(function)))


def _value(value: Any, answers: Sequence[Any], spec: Mapping[str, Any], on: Switches) -> bool:
    kind: str = spec["type"]
    wanted = _TYPES[kind]
    inner = _TYPES[spec["items"]["type"]] if kind in ("array", "tuple") else None
    if kind == "float" and type(value) is int:
        value = float(value)
    if kind == "integer" and "whole float for an integer" in on and isinstance(value, float) and value.is_integer():
        value = int(value)
    if "empty list for none" in on and value == [] and [] not in answers:
        return False
    first = next((type(answer) for answer in answers if answer != ""), None)
    if type(value) is wanted:
        variable = first is not None and first is not wanted
        if inner is not None and not any(_list_typed(value, answer, inner, on) for answer in answers):
            return False
    elif first is not None and type(value) is first:
        variable = True
    else:
        return False
    if variable:
        return _among(value, answers, on)
    if wanted is dict:
        return any(_object(value, answer, on) for answer in answers if answer != "")
    if inner is dict:
        return any(
            len(value) == len(answer)
            and all(_object(item, right, on) for item, right in zip(value, answer, strict=True))
            for answer in answers
        )
    if wanted is str:
        return _standard(value, on) in [_standard(answer, on) for answer in answers if isinstance(answer, str)]
    if wanted is list:
        return _among(_standard_list(value, on), [_standard_list(list(answer), on) for answer in answers], on)
    return _among(value, answers, on)


def _list_typed(value: Sequence[Any], answer: Any, inner: type, on: Switches) -> bool:
    if not isinstance(answer, list):
        return True
    first = next((type(item) for item in answer if item != ""), None)
    numbers = inner is float and "integers in a list of numbers" in on
    whole = inner is int and "whole float for an integer" in on
    return all(
        type(item) is inner
        or type(item) is first
        or (numbers and type(item) is int)
        or (whole and isinstance(item, float) and item.is_integer())
        for item in value
    )


def _object(value: Any, answer: Any, on: Switches) -> bool:
    if not isinstance(value, dict) or not isinstance(answer, dict):
        return False
    for key, written in value.items():
        if key not in answer:
            return False
        if "empty string for none" in on and written == "" and any(right != "" for right in answer[key]):
            return False
        accepted = [_standard(right, on) if isinstance(right, str) else right for right in answer[key]]
        if not _among(_standard(written, on) if isinstance(written, str) else written, accepted, on):
            return False
    return all(key in value or "" in accepted for key, accepted in answer.items())


def _among(value: Any, answers: Sequence[Any], on: Switches) -> bool:
    same: Callable[[Any, Any], bool] = equal if "booleans are no numbers" in on else lambda left, right: left == right
    return any(same(value, answer) for answer in answers)


def _standard(text: str, on: Switches) -> str:
    if "white-space and Unicode" in on:
        text = unicodedata.normalize("NFC", " ".join(text.split()))
    return re.sub(r"[ ,./\-_*^]", "", text).lower().replace("'", '"')


def _standard_list(values: Sequence[Any], on: Switches) -> list[Any]:
    return [_standard(value, on) if isinstance(value, str) else value for value in values]


def reasons(verdict: Callable[[Switches], bool], ours: bool) -> tuple[Point, ...] | None:
    """Return the fewest switches with which `verdict` decides like our judge. None if there are no such switches."""
    for size in range(_MOST_SWITCHES + 1):
        for chosen in itertools.combinations(POINTS, size):
            if verdict(frozenset(chosen)) is ours:
                return chosen
    return None
