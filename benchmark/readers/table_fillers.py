"""Deletes the nulls that a table added to the arguments of calls.

In a table, for example in Parquet, every call has the arguments of all calls of the file. Arguments that do not belong
to a call are null. If the table is later written as JSON, these nulls are in the JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolmark.benchmark.data.cases import Call, Toolbox

__all__ = ["without_fillers", "without_nulls"]


def without_nulls(value: Any) -> Any:
    """Return the value of a cell without its null keys. A null in a list stays."""
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [without_nulls(inner) for inner in value]
    return value


def without_fillers(call: Call, toolbox: Toolbox) -> Call:
    """Return a call without the null arguments that its tool does not declare.

    If the tool is not offered, return the call unchanged.
    """
    tool = toolbox.by_name.get(call.name)
    if tool is None:
        return call
    kept = _declared(dict(call.arguments), tool.parameters)
    return call if kept == call.arguments else call.model_copy(update={"arguments": kept})


def _declared(value: Any, schema: Any) -> Any:
    """Return `value` without the nulls of keys that `schema` does not declare."""
    if not isinstance(schema, Mapping):
        return value
    properties = schema.get("properties")
    if isinstance(value, dict) and isinstance(properties, Mapping):
        return {
            key: _declared(inner, properties.get(key))
            for key, inner in value.items()
            if inner is not None or key in properties
        }
    if isinstance(value, list):
        return [_declared(inner, schema.get("items")) for inner in value]
    return value
