"""Gold from what other collections know: whole calls, or only the name of the tool."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from toolmark.benchmark.data.cases import (
    Abstain,
    Accept,
    Call,
    CallOption,
    CallSpec,
    Case,
    ExpectCall,
    Message,
    Source,
    Toolbox,
)
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.readers.strict_json import strict_json
from toolmark.benchmark.tools.schemas import compile_schema, problems

__all__ = ["call_of", "calls_of", "conversation", "expected_calls", "gold_fault", "labelled"]

_NAMES = ("name", "tool_name", "api", "tool", "function")
_ARGUMENTS = ("arguments", "args", "parameters", "input_args")


def call_of(value: Any) -> Call:
    """A call under the usual keys: a name, and arguments as an object or as its JSON text. Raises `ValueError`."""
    if isinstance(value, Mapping) and isinstance(value.get("function"), Mapping):
        value = value["function"]
    if not isinstance(value, Mapping):
        raise ValueError(f"a call is an object, not {value!r:.80}")
    name = next((value[key] for key in _NAMES if isinstance(value.get(key), str)), None)
    if not name:
        raise ValueError(f"a call has a name: {value!r:.80}")
    arguments: Any = next((value[key] for key in _ARGUMENTS if value.get(key) is not None), {})
    if isinstance(arguments, str):
        arguments = strict_json(arguments) if arguments.strip() else {}
    if not isinstance(arguments, Mapping):
        raise ValueError(f"the arguments of {name} are an object, not {arguments!r:.80}")
    return Call(name=name, arguments=dict(arguments))


def calls_of(value: Any) -> tuple[Call, ...]:
    """One call, a list of them, or JSON text of either. Raises `ValueError`."""
    if isinstance(value, str):
        value = strict_json(value) if value.strip() else []
    return tuple(map(call_of, value if isinstance(value, list) else [value]))


def expected_calls(calls: Sequence[Call], toolbox: Toolbox) -> ExpectCall:
    """These calls with exactly these values, in any order; an argument at its schema default may be left out.

    Raises:
        ValueError: There is none, or it calls a tool that is not offered.
    """
    if not calls:
        raise ValueError("no call is given")
    _offered((call.name for call in calls), toolbox)
    specs = tuple(
        CallSpec(name=call.name, arguments={name: Accept(of=[value]) for name, value in call.arguments.items()})
        for call in calls
    )
    return ExpectCall(action="call", any_of=(CallOption(calls=specs),))


def labelled(names: Sequence[str], toolbox: Toolbox) -> ExpectCall:
    """One call of each of these tools, whatever its arguments. Raises `ValueError` as `expected_calls`."""
    if not names:
        raise ValueError("no tool is given")
    _offered(names, toolbox)
    specs = tuple(CallSpec(name=name, arguments_known=False) for name in names)
    return ExpectCall(action="call", any_of=(CallOption(calls=specs),))


def _offered(names: Iterable[str], toolbox: Toolbox) -> None:
    for name in names:
        if name not in toolbox.names:
            raise ValueError(f"the tool {name!r:.80} is called and not offered")


def gold_fault(option: CallOption, toolbox: Toolbox) -> str | None:
    """Why no call can be right and valid at once, as a waiver; None where one can."""
    for spec in option.calls:
        if not spec.arguments_known:
            continue
        example = {name: rule.example() for name, rule in spec.arguments.items()}
        found = problems(example, compile_schema(toolbox[spec.name].parameters))
        if found:
            return f"its own answer breaks the schema of {spec.name}: {found[0].message}"
    return None


def conversation(
    messages: Sequence[Message],
    toolbox: Toolbox,
    source: Source,
    licence: str,
    tags: Mapping[str, Any] | None = None,
    *,
    any_call: bool = False,
) -> Trace:
    """A conversation with the case that it holds: its first turn that calls, or, where none does, its first answer.

    That answer says nothing of why no call is right; the case says `no_tool_needed`.

    Args:
        messages: The turns.
        toolbox: The tools offered.
        source: Of the case.
        licence: Of the case.
        tags: Of the case.
        any_call: A call of a tool that is not offered leaves a conversation without a case; otherwise it is an error.

    Raises:
        ValueError: It has no assistant turn behind a user's, or calls a tool that is not offered.
    """
    answers = [
        index
        for index, turn in enumerate(messages)
        if turn.role == "assistant" and index and messages[index - 1].role in ("user", "tool")
    ]
    if not answers:
        raise ValueError("no assistant turn answers a user")
    asked = next((index for index in answers if messages[index].tool_calls), answers[0])
    calls = messages[asked].tool_calls
    case = None
    if not any_call or all(call.name in toolbox.names for call in calls):
        expect = expected_calls(calls, toolbox) if calls else Abstain(action="abstain", reason="no_tool_needed")
        case = Case(
            messages=tuple(messages[:asked]),
            toolbox=toolbox,
            expect=expect,
            tags=dict(tags or {}),
            source=source,
            licence=licence,
            waiver=gold_fault(expect.any_of[0], toolbox) if isinstance(expect, ExpectCall) else None,
        )
    return Trace(
        messages=tuple(messages),
        toolbox=toolbox,
        query=next(turn.content for turn in reversed(messages[:asked]) if turn.role == "user"),
        query_type="easy" if calls else "no_tool",
        tool_name=calls[0].name if calls else None,
        source=source.name,
        case=case,
    )
