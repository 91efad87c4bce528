"""Reads calls that are JSON objects, strictly or leniently. All dialects with JSON calls use these functions."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from toolmark.benchmark.data.cases import Call
from toolmark.benchmark.dialects import json_in_text

__all__ = ["call_from_object", "calls_in", "lenient_calls", "strict_call"]

_NAME_KEYS = ("tool_name", "name", "tool", "function")
_ARGUMENT_KEYS = ("args", "arguments", "parameters", "input_args")


def strict_call(value: Any, name_key: str, arguments_key: str, also: Collection[str] = ()) -> Call:
    """Return the call that a JSON value contains, in a strict reading.

    Args:
        value: The decoded JSON value.
        name_key: The key of the tool's name.
        arguments_key: The key of the arguments. If the key is missing, the call has no arguments.
        also: Further keys that are allowed and ignored.

    Raises:
        ValueError: The value is not a call in this form.
    """
    if not isinstance(value, dict) or not isinstance(value.get(name_key), str):
        raise ValueError(f'a call must be an object with the string "{name_key}"')
    if extra := value.keys() - {name_key, arguments_key} - set(also):
        raise ValueError(f"a call has the unknown key {sorted(extra)[0]!r}")
    arguments = value.get(arguments_key, {})
    if not isinstance(arguments, dict):
        raise ValueError(f'"{arguments_key}" is not an object')
    return Call(name=value[name_key], arguments=arguments)


def call_from_object(value: Any) -> Call | None:
    """Return the call that a JSON value contains, in a lenient reading. Return None if the value is not a call.

    The name and the arguments may have any common key, for example `name` or `tool_name`. The arguments may be an
    object, or a string that contains an object as JSON.
    """
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("function"), dict):
        value = value["function"]
    name = next((value[key] for key in _NAME_KEYS if isinstance(value.get(key), str)), None)
    key = next((key for key in _ARGUMENT_KEYS if key in value), None)
    arguments = value[key] if key is not None else None
    if key is not None and (arguments is None or arguments == ""):
        arguments = {}  # Some servers write null or an empty text if a call has no arguments.
    if isinstance(arguments, str):
        try:
            arguments = json_in_text.loads(arguments, strict=False)
        except ValueError:
            return None
    if name is None or not isinstance(arguments, dict):
        return None
    return Call(name=name, arguments=arguments)


def calls_in(value: Any) -> list[Call]:
    """Return all calls in a JSON value between markers, in a lenient reading.

    The value is an object, a list of objects, or `{"tool_calls": [...]}`. An object with a name and without arguments
    is also a call, because the markers show that the model wants to call.
    """
    items = value.get("tool_calls", [value]) if isinstance(value, dict) else value
    calls: list[Call] = []
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict) and not any(key in item for key in (*_ARGUMENT_KEYS, "function")):
            item = {**item, "args": {}}
        call = call_from_object(item)
        if call is not None:
            calls.append(call)
    return calls


def lenient_calls(text: str) -> list[Call]:
    """Return all calls in a text that consists of JSON values. The text may be in a code fence.

    If the first value is broken or cut, parts of this value do not count as calls.

    Raises:
        ValueError: There is no call, or the first value is broken.
    """
    text = json_in_text.unfenced(text)
    outermost = min((index for index in (text.find("{"), text.find("[")) if index >= 0), default=0)
    json_in_text.decode(text, outermost, strict=False)
    calls = [call for _, _, value in json_in_text.scan(text, strict=False) for call in calls_in(value)]
    if not calls:
        raise ValueError("no call can be read between the markers")
    return calls
