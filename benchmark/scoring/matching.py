"""Compares the names and the arguments of a model's calls with the expected calls.

- If the call and the case both contain an argument, `accepted_values.py` decides whether the value is right.
- If only the call contains an argument, the value must equal the argument's default in the schema.
- If only the case contains an argument, the case must mark the argument as optional, or must accept its default in the
  schema.

If there are several calls, each call is paired with an expected call. The pairs are chosen so that the number of faults
is as small as possible.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from toolmark.benchmark.data.cases import Call, CallOption, CallSpec, Tool, Toolbox
from toolmark.benchmark.scoring.accepted_values import accepts, equal, nearly_equal
from toolmark.benchmark.scoring.causes import Cause
from toolmark.benchmark.tools.right_arguments import right_arguments

__all__ = [
    "Fault",
    "Match",
    "Rerun",
    "Spelling",
    "all_made",
    "closest",
    "match_calls",
    "offered_tool",
    "same_names",
]

Spelling = Literal["exact", "dot_underscore"]
"""How names are compared. With `exact`, all characters must be equal. With `dot_underscore`, `.` and `_` count as
equal.
"""

Rerun = Callable[[Tool, Mapping[str, Any]], Any]
"""Runs a tool and returns its value. Raises `LookupError` if the tool is not allowed to run or if the tool fails."""

_ABSENT = object()
_MOST_PAIRED = 20
"""If the number of calls is wrong, only the first 20 calls are paired, because a model can write thousands of calls."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a call.

    Attributes:
        cause: The kind of fault.
        where: Name of the wrong argument or of the wrong tool. Empty if the fault concerns all calls.
        detail: More about the fault, for example the wrong value or the expected tool. Can be empty.
    """

    cause: Cause
    where: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """The result of comparing calls with one complete right answer.

    Attributes:
        option: The right answer.
        faults: All differences between the calls and the right answer. Empty if there is no difference.
        by_call: A mapping from the index of a call to its faults. Only calls that are paired with an expected call are
            keys.
    """

    option: CallOption
    faults: tuple[Fault, ...]
    by_call: Mapping[int, Sequence[Fault]]


def _spelled(name: str, names: Spelling) -> str:
    return name.replace(".", "_") if names == "dot_underscore" else name


def offered_tool(name: str, toolbox: Toolbox, names: Spelling) -> Tool | None:
    """Return the offered tool that a call of `name` refers to. Return None if no offered tool has this name."""
    tool = toolbox.by_name.get(name)
    if tool is not None or names == "exact":
        return tool
    wanted = _spelled(name, names)
    return next((tool for tool in toolbox.tools if _spelled(tool.name, names) == wanted), None)


def same_names(calls: Sequence[Call], option: CallOption) -> bool:
    """Return whether the right tools are called, each the right number of times, in any order."""
    if len(calls) != len(option.calls):
        return False
    if len(calls) == 1:  # Most cases expect one call, and this comparison is fast.
        return _spelled(calls[0].name, option.names) == _spelled(option.calls[0].name, option.names)
    called = Counter(_spelled(call.name, option.names) for call in calls)
    return called == Counter(_spelled(spec.name, option.names) for spec in option.calls)


def _argument_faults(call: Call, spec: CallSpec, tool: Tool, rerun: Rerun | None) -> list[Fault]:
    if not spec.arguments_known:
        return []
    declared = tool.properties

    def default(name: str) -> Any:
        schema = declared.get(name)
        return schema.get("default", _ABSENT) if isinstance(schema, Mapping) else _ABSENT

    def gives_same_result(name: str, value: Any) -> bool:
        if rerun is None:
            return False
        gold = right_arguments(spec, tool)

        def result(written: Any) -> Any:
            try:
                return rerun(tool, {**gold, name: written})
            except LookupError:
                return _ABSENT

        given = result(value)
        # Results that count as equal can differ in rounding, for example 3 * 0.1 and 0.3.
        return given is not _ABSENT and any(
            equal(given, result(right), numbers=nearly_equal) for right in spec.arguments[name].of
        )

    faults: list[Fault] = []
    for name, rule in spec.arguments.items():
        value = call.arguments.get(name, _ABSENT)
        if value is _ABSENT:
            value = default(name)
            if name not in spec.optional and (value is _ABSENT or not accepts(rule, value)):
                faults.append(Fault(Cause.MISSING_ARGUMENT, name))
        elif not accepts(rule, value, partial(gives_same_result, name)):
            faults.append(Fault(Cause.WRONG_VALUE, name, f"{value!r:.200}"))
    for name, value in call.arguments.items():
        if name not in spec.arguments:
            if name not in declared:
                faults.append(Fault(Cause.EXTRA_ARGUMENT, name))
            elif not equal(value, default(name)):
                faults.append(Fault(Cause.WRONG_VALUE, name, f"{value!r:.200}"))
    return faults


def _pair_faults(call: Call, spec: CallSpec, option: CallOption, toolbox: Toolbox, rerun: Rerun | None) -> list[Fault]:
    tool = offered_tool(call.name, toolbox, option.names)
    if tool is None or _spelled(call.name, option.names) != _spelled(spec.name, option.names):
        return [Fault(Cause.WRONG_TOOL, call.name, f"expected {spec.name}")]
    return _argument_faults(call, spec, tool, rerun)


def _weight(faults: Sequence[Fault]) -> int:
    """Return the cost of pairing a call with an expected call, if the pair has these faults.

    A wrong tool costs more than all wrong arguments together, so calls are first paired with expected calls of the same
    tool.
    """
    return sum(1_000_000 if fault.cause is Cause.WRONG_TOOL else 1 for fault in faults)


def match_calls(calls: Sequence[Call], option: CallOption, toolbox: Toolbox, rerun: Rerun | None = None) -> Match:
    """Compare calls with one right answer.

    Args:
        calls: The calls of the model, in the order of the model.
        option: One complete right answer.
        toolbox: The offered tools.
        rerun: Runs pure tools for the rule `same_result`. Without `rerun`, `same_result` accepts only equal values.
    """
    count_is_right = len(calls) == len(option.calls)
    pairs = _assigned(calls if count_is_right else calls[:_MOST_PAIRED], option, toolbox, rerun)
    by_call = {call: faults for call, _, faults in pairs}
    unknown = [
        Fault(Cause.UNKNOWN_TOOL, call.name) for call in calls if offered_tool(call.name, toolbox, option.names) is None
    ]
    if unknown:
        return Match(option, tuple(unknown), by_call)
    if not count_is_right:
        count = Fault(Cause.WRONG_COUNT, "", f"{len(calls)} calls, expected {len(option.calls)}")
        return Match(option, (count,), by_call)
    all_faults = [fault for _, _, faults in pairs for fault in faults]
    if not all_faults and option.order == "given" and any(call != spec for call, spec, _ in pairs):
        in_order = (
            _pair_faults(call, spec, option, toolbox, rerun) for call, spec in zip(calls, option.calls, strict=True)
        )
        if any(in_order):
            all_faults = [Fault(Cause.WRONG_ORDER, "", " → ".join(call.name for call in calls))]
    return Match(option, tuple(all_faults), by_call)


def _assigned(
    calls: Sequence[Call], option: CallOption, toolbox: Toolbox, rerun: Rerun | None = None
) -> list[tuple[int, int, list[Fault]]]:
    """Pair each call with an expected call, so that the number of faults is as small as possible.

    If the numbers of calls and expected calls differ, some calls or expected calls stay without a pair.

    Returns:
        One triple for each pair: the index of the call, the index of the expected call, and the faults of the call.
    """
    if not calls:
        return []
    table = [[_pair_faults(call, spec, option, toolbox, rerun) for spec in option.calls] for call in calls]
    if len(calls) == 1 or len(option.calls) == 1:
        every = ((row, column, faults) for row, line in enumerate(table) for column, faults in enumerate(line))
        return [min(every, key=lambda pair: _weight(pair[2]))]

    from scipy.optimize import linear_sum_assignment  # The import is slow, and most cases do not need the function.

    rows, columns = linear_sum_assignment([[_weight(faults) for faults in row] for row in table])
    return [(int(row), int(column), table[row][column]) for row, column in zip(rows, columns, strict=True)]


def all_made(option: CallOption, calls: Sequence[Call], toolbox: Toolbox) -> bool:
    """Return whether all calls of a right answer are among `calls`. There can be further calls before and after them.

    Args:
        option: One complete right answer.
        calls: The calls of the model, in the order of the model.
        toolbox: The offered tools.
    """
    if option.order == "given":
        rest = iter(calls)  # `any` goes on where it stopped for the call before.
        return all(any(not _pair_faults(call, spec, option, toolbox, None) for call in rest) for spec in option.calls)
    pairs = _assigned(calls, option, toolbox)
    return len(pairs) == len(option.calls) and not any(faults for _, _, faults in pairs)


def closest(
    calls: Sequence[Call], options: Sequence[CallOption], toolbox: Toolbox, rerun: Rerun | None = None
) -> Match:
    """Compare calls with each right answer, and return the closest match.

    The rules that decide which match is closest, in order:

    1. A match without a fault is closest.
    2. For each match, only the gravest cause of its faults is compared. The match in which this cause is mildest is
       closest. The class `Cause` lists the causes from the gravest to the mildest.
    3. If this cause is the same in several matches, the match with the fewest faults is closest.

    Args:
        calls: The calls of the model, in the order of the model.
        options: All complete right answers, at least one.
        toolbox: The offered tools.
        rerun: See `match_calls`.
    """
    matches = [match_calls(calls, option, toolbox, rerun) for option in options]
    return min(matches, key=lambda match: (bool(match.faults), -_gravest(match.faults), len(match.faults)))


def _gravest(faults: Sequence[Fault]) -> int:
    return min((fault.cause.rank for fault in faults), default=0)
