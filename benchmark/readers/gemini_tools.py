"""Reads the tools of Gemini. Their schemas are a subset of OpenAPI 3.0 (ai.google.dev/api/caching#Schema)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from toolmark.benchmark.core.strict_json import strict_json
from toolmark.benchmark.readers.file_rows import Row
from toolmark.benchmark.readers.row_conversion import field, list_field

__all__ = ["either", "gemini_tools"]

_DECLARATIONS = ("functionDeclarations", "function_declarations")
_BOUNDS = ("maxItems", "maxLength", "maxProperties", "minItems", "minLength", "minProperties")


def either(value: Any, name: str) -> Any:
    """Return a field of an object, whose name can be in camel case or in snake case. None if it is missing or null.

    Args:
        value: The object.
        name: The name of the field in camel case.

    Raises:
        ValueError: The value is not an object.
    """
    if not isinstance(value, Mapping):
        raise ValueError(f"the value with the field {name} must be an object, not {value!r:.80}")
    if value.get(name) is not None:
        return value[name]
    return value.get(re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name))


def gemini_tools(request: Row) -> list[dict[str, Any]]:
    """Return the tools of a request, each as an object with a name, a description and a JSON Schema.

    Raises:
        ValueError: The tools cannot be read, or one of them is not a function, so it runs on the server.
    """
    declared: list[Any] = []
    for group in list_field(request, "tools") if request.get("tools") is not None else ():
        listed = either(group, _DECLARATIONS[0])
        others = [key for key, value in group.items() if value is not None and key not in _DECLARATIONS]
        if others or listed is None:
            raise ValueError(
                f"only tools with functionDeclarations can be read, and other tools run on the server: {group!r:.80}"
            )
        declared += field({_DECLARATIONS[0]: listed}, _DECLARATIONS[0], list)
    return [_tool(declaration) for declaration in declared]


def _tool(declaration: Any) -> dict[str, Any]:
    schema = either(declaration, "parametersJsonSchema")
    if declaration.get("parameters") is not None:
        schema = _json_schema(declaration["parameters"])
    return {"name": declaration.get("name"), "description": declaration.get("description"), "parameters": schema}


def _json_schema(node: Any) -> Any:
    """Return a schema with the keywords of JSON Schema. The names of types stay, because every reader converts them."""
    if not isinstance(node, Mapping):
        return node
    schema = {re.sub("_([a-z])", lambda found: found[1].upper(), key): value for key, value in node.items()}
    kind = str(schema.get("type")).upper()
    if kind == "TYPE_UNSPECIFIED":
        del schema["type"]
    # In JSON, the API writes an int64 as text, and every value of an enum.
    for bound in _BOUNDS:
        if bound in schema:
            schema[bound] = _number(schema[bound])
    if kind in ("INTEGER", "NUMBER") and isinstance(schema.get("enum"), list):
        schema["enum"] = [_number(value) for value in schema["enum"]]
    for key in ("additionalProperties", "items"):
        if key in schema:
            schema[key] = _json_schema(schema[key])
    if isinstance(schema.get("properties"), Mapping):
        schema["properties"] = {name: _json_schema(inner) for name, inner in schema["properties"].items()}
    if isinstance(schema.get("anyOf"), list):
        schema["anyOf"] = [_json_schema(inner) for inner in schema["anyOf"]]
        if schema.get("nullable") and "type" not in schema:
            del schema["nullable"]
            schema["anyOf"].append({"type": "null"})
    return schema


def _number(value: Any) -> Any:
    """Return the number that a text contains, or the value itself."""
    if isinstance(value, str):
        with suppress(ValueError):
            return strict_json(value)
    return value
