"""Chooses right arguments of an expected call. The chosen arguments also fit the schema of the tool."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from toolmark.benchmark.data.cases import CallSpec, Tool
from toolmark.benchmark.data.match_rules import Accept
from toolmark.benchmark.tools.schemas import Problem, problems, validator_of

__all__ = ["right_arguments", "schema_faults", "without_nulls"]

_LEFT_OUT = object()
_MAX_VALUES = 64
"""Largest number of accepted values of one argument that are tried."""
_MAX_TRIES = 4096
"""Largest number of combinations of values that are tried. The longest lists of values in the benchmark BFCL need far
fewer."""


def right_arguments(spec: CallSpec, tool: Tool) -> dict[str, Any]:
    """Return right arguments of the expected call `spec`.

    The result is the first combination of accepted values that fits the schema of the tool. An optional argument is
    left out if none of its values fits. If no combination fits, the result has the first accepted value of each
    argument.
    """
    first = {name: rule.example() for name, rule in spec.arguments.items()}
    if not schema_faults(first, tool):
        return first
    choices: list[list[Any]] = []
    for name, rule in spec.arguments.items():
        listed = list(itertools.islice(_values(rule), _MAX_VALUES))
        fitting = [value for value in listed if not _at_fault(name, {**first, name: value}, tool)]
        choices.append([*fitting, *([_LEFT_OUT] if name in spec.optional or not fitting else [])])
    for chosen in itertools.islice(itertools.product(*choices), _MAX_TRIES):
        tried = {name: value for name, value in zip(spec.arguments, chosen, strict=True) if value is not _LEFT_OUT}
        complete = all(name in tried or name in spec.optional for name in spec.arguments)
        if complete and not schema_faults(tried, tool):
            return tried
    return first


def schema_faults(right: Mapping[str, Any], tool: Tool) -> list[Problem]:
    """Return the reasons why right arguments do not fit the schema of their tool.

    A null in a right argument is no fault, even if the schema does not allow null.
    """
    return without_nulls(right, problems(right, validator_of(tool)))


def without_nulls(arguments: Mapping[str, Any], found: Sequence[Problem]) -> list[Problem]:
    """Return the problems whose wrong value is not null.

    Args:
        arguments: Arguments of a call. If an argument is missing, its problems are returned, too.
        found: The problems of all arguments of the call.
    """
    return [problem for problem in found if not _is_null(problem.path, arguments)]


def _is_null(pointer: str, value: Any) -> bool:
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping):
            value = value.get(key, _LEFT_OUT)
        else:
            value = value[int(key)] if isinstance(value, list | tuple) else _LEFT_OUT
    return value is None


def _at_fault(name: str, arguments: Mapping[str, Any], tool: Tool) -> bool:
    place = "/" + name.replace("~", "~0").replace("/", "~1")
    return any((problem.path + "/").startswith(place + "/") for problem in schema_faults(arguments, tool))


def _values(rule: Accept) -> Iterator[Any]:
    """Yield right values of an argument. An accepted object is yielded with and without each of its optional keys."""
    match rule.match:
        case "object":
            ways = [
                [*itertools.islice(_values(inner), _MAX_VALUES), *([_LEFT_OUT] if key in rule.optional else [])]
                for key, inner in rule.of.items()
            ]
            for chosen in itertools.product(*ways):
                yield {key: value for key, value in zip(rule.of, chosen, strict=True) if value is not _LEFT_OUT}
        case "list":
            for items in itertools.product(*(list(itertools.islice(_values(inner), _MAX_VALUES)) for inner in rule.of)):
                yield list(items)
        case "anything" | "contains" | "nonempty":
            yield rule.example()
        case _:
            yield from rule.of
