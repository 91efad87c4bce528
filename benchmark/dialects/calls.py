"""What a lenient reading forgives in the JSON of a call, whatever the dialect around it."""

from __future__ import annotations

from typing import Any

from benchmark.cases import Call
from benchmark.dialects import jsontext

__all__ = ["call_from_object", "lenient_calls"]

_NAME_KEYS = ("tool_name", "name", "tool", "function")
_ARGUMENT_KEYS = ("args", "arguments", "parameters", "input_args")


def call_from_object(value: Any) -> Call | None:
    """A call under any usual pair of keys, arguments as an object or as its JSON text; None where it is no call."""
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("function"), dict):
        value = value["function"]
    name = next((value[key] for key in _NAME_KEYS if isinstance(value.get(key), str)), None)
    key = next((key for key in _ARGUMENT_KEYS if key in value), None)
    arguments = value[key] if key is not None else None
    if key is not None and (arguments is None or arguments == ""):
        arguments = {}  # how servers write a call without arguments
    if isinstance(arguments, str):
        try:
            arguments = jsontext.loads(arguments, strict=False)
        except ValueError:
            return None
    if name is None or not isinstance(arguments, dict):
        return None
    return Call(name=name, arguments=arguments)


def lenient_calls(text: str) -> list[Call]:
    """Every call in `text`: in a fence or bare, one object, a list of them, or `{"tool_calls": [...]}`.

    A name without any arguments key counts as a call here: the text stands where only a call may stand. Where the first
    value is broken or cut short, nothing inside it is taken for a call.

    Raises:
        ValueError: There is none.
    """
    text = jsontext.unfenced(text)
    outermost = min((index for index in (text.find("{"), text.find("[")) if index >= 0), default=0)
    jsontext.decode(text, outermost, strict=False)
    calls: list[Call] = []
    for _, _, value in jsontext.scan(text, strict=False):
        listed = value.get("tool_calls", [value]) if isinstance(value, dict) else value
        for item in listed if isinstance(listed, list) else []:
            if isinstance(item, dict) and not any(key in item for key in (*_ARGUMENT_KEYS, "function")):
                item = {**item, "args": {}}
            call = call_from_object(item)
            if call is not None:
                calls.append(call)
    if not calls:
        raise ValueError("no call can be read between the markers")
    return calls
