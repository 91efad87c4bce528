"""Makes expected answers from the data of other collections.

Some collections contain whole calls. Others contain only the names of the right tools.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from toolmark.benchmark.core.strict_json import json_or_literal
from toolmark.benchmark.data.cases import (
    Abstain,
    Call,
    CallOption,
    CallSpec,
    ExpectCall,
    Toolbox,
)
from toolmark.benchmark.data.match_rules import Accept
from toolmark.benchmark.readers.row_conversion import decoded
from toolmark.benchmark.readers.table_fillers import without_fillers
from toolmark.benchmark.readers.tool_formats import required_names
from toolmark.benchmark.tools.right_arguments import right_arguments, schema_faults

__all__ = ["call_of", "calls_of", "expected_calls", "gold_fault", "labelled", "option_fault"]

_NAMES = ("name", "tool_name", "api", "tool", "function")
_ARGUMENTS = ("arguments", "args", "parameters", "input_args")


def call_of(value: Any) -> Call:
    """Return the call that an object contains.

    Collections use different keys for the name and the arguments, for example `name` or `tool_name`. All common keys
    are accepted. The arguments are an object, or a string that contains an object as JSON.

    Raises:
        ValueError: The value is not a call in this form.
    """
    if isinstance(value, Mapping) and isinstance(value.get("function"), Mapping):
        value = value["function"]
    if not isinstance(value, Mapping):
        raise ValueError(f"a call must be an object, not {value!r:.80}")
    name = next((value[key] for key in _NAMES if isinstance(value.get(key), str)), None)
    if not name:
        raise ValueError(f"a call must have a name: {value!r:.80}")
    arguments: Any = next((value[key] for key in _ARGUMENTS if value.get(key) is not None), {})
    if isinstance(arguments, str):
        arguments = decoded(arguments, f"the text of the arguments of {name}") if arguments.strip() else {}
        arguments = {} if arguments is None else arguments
    if not isinstance(arguments, Mapping):
        raise ValueError(f"the arguments of {name} must be an object, not {arguments!r:.80}")
    return Call(name=name, arguments=dict(arguments))


def calls_of(value: Any) -> tuple[Call, ...]:
    """Return the calls that a value contains. The value is one call or a list of calls, or one of them as text.

    The text is JSON or a Python literal.

    Raises:
        ValueError: The value has another form.
    """
    if isinstance(value, str):
        try:
            value = json_or_literal(value) if value.strip() else []
        except ValueError as error:
            raise ValueError(f"the calls cannot be read: {value!r:.80} ({error})") from None
    return tuple(map(call_of, value if isinstance(value, list) else [value]))


def expected_calls(calls: Sequence[Call], toolbox: Toolbox) -> ExpectCall:
    """Return the expectation that the model makes these calls, in any order, with exactly these values.

    A model is allowed to leave out two kinds of arguments: those with the default value of the schema, and optional
    arguments with the value null. In tables, every argument that a call does not have is null.

    Raises:
        ValueError: No call is given, or a call names a tool that is not offered.
    """
    if not calls:
        raise ValueError("no call is given")
    _check_offered((call.name for call in calls), toolbox)
    calls = [without_fillers(call, toolbox) for call in calls]
    specs = tuple(_exact(call, required_names(toolbox[call.name])) for call in calls)
    return ExpectCall(action="call", any_of=(CallOption(calls=specs),))


def _exact(call: Call, required: Collection[str]) -> CallSpec:
    return CallSpec(
        name=call.name,
        arguments={name: Accept(of=[value]) for name, value in call.arguments.items()},
        optional=tuple(name for name, value in call.arguments.items() if value is None and name not in required),
    )


def labelled(names: Sequence[str], toolbox: Toolbox) -> ExpectCall:
    """Return the expectation that the model calls each named tool once, with any arguments.

    Raises:
        ValueError: No tool is given, or a tool is not offered.
    """
    if not names:
        raise ValueError("no tool is given")
    _check_offered(names, toolbox)
    specs = tuple(CallSpec(name=name, arguments_known=False) for name in names)
    return ExpectCall(action="call", any_of=(CallOption(calls=specs),))


def _check_offered(names: Iterable[str], toolbox: Toolbox) -> None:
    for name in names:
        if name not in toolbox.names:
            why = "" if toolbox.tools else ": the row lists no tools"
            raise ValueError(f"the tool {name!r:.80} is called but not offered{why}")


def gold_fault(expect: ExpectCall | Abstain, toolbox: Toolbox) -> str | None:
    """Return the reason for a waiver if no right answer can fit the schemas of the tools. Otherwise return None."""
    if isinstance(expect, Abstain):
        return None
    faults = [fault for option in expect.any_of if (fault := option_fault(option, toolbox))]
    return faults[0] if len(faults) == len(expect.any_of) else None


def option_fault(option: CallOption, toolbox: Toolbox) -> str | None:
    """Return why the values of a right answer cannot fit the schemas of its tools. Return None if they can fit."""
    for spec in option.calls:
        tool = toolbox[spec.name]
        if spec.arguments_known and (violations := schema_faults(right_arguments(spec, tool), tool)):
            return f"its own answer breaks the schema of {spec.name}: {violations[0].message}"
    return None
