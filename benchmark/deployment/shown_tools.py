"""Finds the JSON schemas of tools in the text of a prompt, and compares two of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from toolmark.benchmark.data.cases import Tool

__all__ = ["SchemaDifference", "ShownTool", "schema_difference", "shown_tools"]

SchemaDifference = Literal["schema_spelling", "schema_parts_missing", "schema_changed"]

_MOST_BRACES = 200
"""Before the name of a tool, at most this number of opening braces are tried as the begin of its JSON object."""

_MOST_NAMES = 20
_DECODER = json.JSONDecoder()
_NAME_DEPTH = 2
_MOST_DEPTH = 64


@dataclass(frozen=True, slots=True)
class ShownTool:
    """A tool that a prompt shows as a JSON object.

    Attributes:
        name: Name of the tool.
        start: Index of the object's first character.
        end: Index after the object's last character.
        value: The object.
    """

    name: str
    start: int
    end: int
    value: Mapping[str, Any]


def shown_tools(text: str, tools: Sequence[Tool]) -> list[ShownTool]:
    """Return the tools that a prompt shows as JSON objects, in the order of the prompt.

    Each tool is returned at most once. The conversation can contain calls, which are also JSON objects with the name of
    a tool. Calls are not returned, because they have no description and no schema.
    """
    names = {tool.name for tool in tools}
    found = (_found(text, tool, names) for tool in tools)
    return sorted((one for one in found if one is not None), key=lambda one: one.start)


def _found(text: str, tool: Tool, names: set[str]) -> ShownTool | None:
    quoted = json.dumps(tool.name, ensure_ascii=False)
    at = -1
    for _ in range(_MOST_NAMES):
        at = text.find(quoted, at + 1)
        if at < 0:
            return None
        best: ShownTool | None = None
        for start in _braces_before(text, at):
            try:
                value, end = _DECODER.raw_decode(text, start)
            except (ValueError, RecursionError):
                continue
            if end <= at or _is_deep(value):
                continue
            if set(_names(value)) & names != {tool.name}:
                break
            best = ShownTool(tool.name, start, end, value)
        if best is not None and _is_schema(best.value, tool):
            return best
    return None


def _is_deep(value: Any) -> bool:
    """Return whether a value is nested more deeply than a schema can be. Later code visits values by recursion."""
    level, depth = [value], 0
    while level and depth <= _MOST_DEPTH:
        level, depth = [inner for one in level for inner in _children(one)], depth + 1
    return bool(level)


def _braces_before(text: str, at: int) -> Iterator[int]:
    for _ in range(_MOST_BRACES):
        at = text.rfind("{", 0, at)
        if at < 0:
            return
        yield at


def _names(value: Any, depth: int = _NAME_DEPTH) -> Iterator[str]:
    """Yield the strings directly in an object, and in the objects directly in it. One of them is the tool's name."""
    if isinstance(value, dict):
        for inner in value.values():
            if isinstance(inner, str):
                yield inner
            elif depth > 1:
                yield from _names(inner, depth - 1)
    elif isinstance(value, list) and depth > 1:
        for inner in value:
            yield from _names(inner, depth)


def _is_schema(value: Any, tool: Tool) -> bool:
    properties = tool.parameters.get("properties")
    if tool.description and tool.description in set(_strings(value)):
        return True
    if isinstance(properties, dict) and properties:
        return any(isinstance(one, dict) for name in properties for one in _values_of(value, name))
    return not tool.description


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for inner in _children(value):
        yield from _strings(inner)


def _values_of(value: Any, key: str) -> Iterator[Any]:
    if isinstance(value, dict) and key in value:
        yield value[key]
    for inner in _children(value):
        yield from _values_of(inner, key)


def _children(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def schema_difference(trained: Mapping[str, Any], deployed: Mapping[str, Any]) -> SchemaDifference:
    """Return the kind of difference between two JSON objects that show the same tool. The texts of the objects differ.

    Args:
        trained: The object that the training saw.
        deployed: The object that the runtime shows.
    """
    if trained == deployed:
        return "schema_spelling"
    ours, theirs = _unwrapped(trained), _unwrapped(deployed)
    if _is_part(theirs, ours):
        return "schema_parts_missing" if not _is_part(ours, theirs) else "schema_spelling"
    # The same schema can stand under other keys, for example `parameters` or `input_args`.
    ours_schema, theirs_schema = _parameters(ours), _parameters(theirs)
    if ours_schema is None or theirs_schema is None:
        return "schema_changed"
    descriptions = set(_texts(ours)) == set(_texts(theirs))
    if descriptions and ours_schema == theirs_schema:
        return "schema_spelling"
    if set(_texts(theirs)) <= set(_texts(ours)) and _is_part(theirs_schema, ours_schema):
        return "schema_parts_missing"
    return "schema_changed"


def _unwrapped(value: Any) -> Any:
    """Return the object inside `{"type": "function", "function": …}`."""
    inner = value.get("function")
    return inner if isinstance(inner, dict) else {key: one for key, one in value.items() if key != "type"}


def _texts(value: Mapping[str, Any]) -> Iterator[str]:
    """Yield the strings directly in an object: the name and the description."""
    yield from (one for one in value.values() if isinstance(one, str))


def _parameters(value: Mapping[str, Any]) -> Any:
    return next((one for one in value.values() if isinstance(one, dict)), None)


def _is_part(part: Any, whole: Any) -> bool:
    """Return whether `part` is `whole` without some keys of objects or some elements of lists."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and _is_part(value, whole[key]) for key, value in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        rest = iter(whole)
        return all(any(_is_part(one, other) for other in rest) for one in part)
    return type(part) is type(whole) and part == whole
