"""Reads calls that are JSON objects. All dialects with JSON calls use these functions."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from toolmark.benchmark.data.cases import Call
from toolmark.benchmark.dialects import json_in_text
from toolmark.benchmark.dialects.attempts import Attempt, Fault, Leniency, Work
from toolmark.benchmark.dialects.literals import PYTHON

__all__ = ["ObjectForm", "call_from_object", "calls_in", "loose_body", "whole_calls"]

_NAME_KEYS = ("tool_name", "name", "tool", "function", "action")
_ARGUMENT_KEYS = ("args", "arguments", "parameters", "input_args", "action_input")
_NOT_BLANK = re.compile(r"[^\s,;]")
_FENCE = re.compile(r"\s*```[\w-]*\s*|\s*```\s*$")
_NAME_OF_CALL = re.compile(r'"(?:tool_name|name|tool|function)"\s{0,8}:\s{0,8}"([^"\\]{1,128})"')
_NEAR = 300
_PYTHON_DICT = re.compile(r"\[?\s{0,8}\{\s{0,8}'")


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
    if extra := value.keys() - {name_key, arguments_key, *also}:
        raise ValueError(f"a call has the unknown key {sorted(extra)[0]!r}")
    arguments = value.get(arguments_key, {})
    if not isinstance(arguments, dict):
        raise ValueError(f'"{arguments_key}" is not an object')
    return Call(name=value[name_key], arguments=arguments)


def call_from_object(value: Any) -> Call | None:
    """Return the call that a JSON value contains, in a lenient reading. Return None if the value is not a call.

    The name and the arguments can have any common key, for example `name` or `tool_name`. The arguments are an object,
    or a string that contains an object as JSON.
    """
    if not isinstance(value, dict):
        return None
    for wrapper in ("function", "function_call"):
        if isinstance(value.get(wrapper), dict):
            value = value[wrapper]
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


def calls_in(value: Any, *, marked: bool) -> list[Call] | None:
    """Return all calls in a JSON value, in a lenient reading. None if the value contains anything that is not a call.

    The value is an object, a list of objects, or `{"tool_calls": [...]}`.

    Args:
        value: The decoded value.
        marked: Whether the value stands between the marks of a call. If so, an object that has a name and no arguments
            is also a call.
    """
    items = value.get("tool_calls", [value]) if isinstance(value, dict) else value
    calls: list[Call] = []
    for item in items if isinstance(items, list) else []:
        if marked and isinstance(item, dict) and not any(key in item for key in (*_ARGUMENT_KEYS, "function")):
            item = {**item, "args": {}}
        call = call_from_object(item)
        if call is None:
            return None
        calls.append(call)
    return calls or None


def name_near(text: str, at: int) -> str:
    """Return the name of the tool in an unreadable JSON call. Empty if there is no name soon after `at`."""
    key = _NAME_OF_CALL.search(text, at, at + _NEAR)
    return key[1] if key is not None else ""


class ObjectForm:
    """The keys of a call that is a JSON object.

    Args:
        name: The key of the tool's name.
        arguments: The key of the arguments.
        also: Further keys that a strict reading allows.
        listed: Whether a strict reading allows a list of calls.
        required: Whether a strict reading requires a list of calls.
        marked: Whether the dialect has marks around calls. If not, an object without arguments is not a call.
        wrapper: Whether a strict reading allows `{"tool_calls": [...]}` around a list.
    """

    def __init__(
        self,
        name: str,
        arguments: str,
        also: Collection[str] = (),
        *,
        listed: bool | None = None,
        required: bool = False,
        marked: bool = True,
        wrapper: bool = False,
    ) -> None:
        self._keys = (name, arguments, tuple(also))
        self._listed, self._required, self._marked, self._wrapper = listed, required, marked, wrapper

    def strictly(self, value: Any) -> Sequence[Call]:
        """Return the calls in a decoded value.

        Raises:
            ValueError: The value is not written as this form prescribes.
        """
        if self._wrapper and isinstance(value, dict) and value.keys() == {"tool_calls"}:
            value = value["tool_calls"]
        if not isinstance(value, list):
            if self._required:
                raise ValueError("there is no list of calls")
            return [self._call(value)]
        if not self._listed or not value:
            raise ValueError("a list is not a call")
        return [self._call(item) for item in value]

    def _call(self, value: Any) -> Call:
        call = strict_call(value, *self._keys)
        if not self._marked and self._keys[1] not in value:
            raise ValueError(f'a call has no "{self._keys[1]}"')
        return call

    def attempt(self, value: Any, fault: str | None) -> Attempt | None:
        """Return the calls in a decoded value, with the mistakes. None if even a lenient reading finds no call.

        Args:
            value: The decoded value.
            fault: Why a strict reading refuses the JSON. None if it is strict JSON.
        """
        if fault is None:
            try:
                return Attempt(self.strictly(value))
            except ValueError as error:
                reason = str(error)
            kind = Leniency.KEYS
        else:
            kind, reason = Leniency.VALUE, fault
        calls = calls_in(value, marked=self._marked)
        if calls is None:
            return None
        if isinstance(value, list) and len(calls) > 1 and not self._listed:
            kind = Leniency.SEVERAL
        elif isinstance(value, dict) and any(isinstance(value.get(key), str) for key in _ARGUMENT_KEYS):
            kind = Leniency.ARGUMENTS_AS_TEXT
        return Attempt(calls, [(kind, reason)])


def values(text: str, work: Work) -> Iterator[tuple[int, int, Any, str | None]]:
    """Find JSON objects and arrays inside other text. Objects and arrays inside a found value are not listed.

    Yields:
        Start, end, value, and the reason why a strict reading refuses the value.
    """
    position = 0
    while work.left > 0 and (match := json_in_text.START.search(text, position)):
        start = match.start()
        try:
            value, position, fault = json_in_text.decode_value(text, start)
        except ValueError as error:
            json_in_text.wasted(error, text, start, work)
            position = start + 1
        else:
            yield start, position, value, fault


def whole_calls(text: str, work: Work) -> list[Call]:
    """Return the calls of a text that consists of JSON calls only. Otherwise, return an empty list."""
    if not text.startswith(("{", "[")):
        return []
    if _PYTHON_DICT.match(text) is not None:
        try:
            value, end = PYTHON.value(text, 0, [])
        except ValueError:
            return []
        return [] if _NOT_BLANK.search(text, end) else calls_in(value, marked=False) or []
    calls: list[Call] = []
    end = 0
    for start, stop, value, _ in values(text, work):
        found = None if _NOT_BLANK.search(text, end, start) else calls_in(value, marked=False)
        if found is None:
            return []
        calls += found
        end = stop
    return [] if _NOT_BLANK.search(text, end) else calls


def loose_body(body: str, error: str, work: Work) -> Attempt:
    """Read the text between two marks leniently, after a strict reading has failed.

    This text can be in a code fence, can consist of several values, and can contain other text. A part that looks like
    JSON and cannot be read is a failed call. Nothing inside this part or after this part is read.

    Args:
        body: The text between the marks.
        error: Why a strict reading failed.
        work: The effort that is left.
    """
    faults: list[Fault] = []
    inside = _FENCE.sub("", body)
    if inside != body:
        faults.append((Leniency.CODE_FENCE, "the call is in a code fence"))
    calls: list[Call] = []
    position = count = 0
    broken: str | None = None
    for start, end, value, fault in values(inside, work):
        between = inside[position:start]
        found = calls_in(value, marked=True)
        if found is None or "{" in between or "[" in between:
            broken = error
            break
        calls += found
        count += 1
        if fault is not None:
            faults.append((Leniency.VALUE, fault))
        if between.strip(" \t\r\n,;"):
            faults.append((Leniency.TEXT_INSIDE, "there is other text between the marks"))
        position = end
    rest = inside[position:]
    if "{" in rest or "[" in rest or not calls:
        broken = error
    elif rest.strip(" \t\r\n,;"):
        faults.append((Leniency.TEXT_INSIDE, "there is other text between the marks"))
    if count > 1:
        faults.append((Leniency.SEVERAL, "there are several calls between one pair of marks"))
    if not faults:
        faults.append((Leniency.KEYS, error))
    return Attempt(calls, faults, broken, "" if broken is None else name_near(body, 0))
