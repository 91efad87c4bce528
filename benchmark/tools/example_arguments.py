"""Makes example arguments from a schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["example_arguments"]

_MAX_DEPTH = 16
_FORMATS: Mapping[str, str] = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "email": "someone@example.org",
    "time": "12:00:00Z",
    "uri": "https://example.org/",
    "uuid": "123e4567-e89b-42d3-a456-426614174000",
}


def example_arguments(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return values for the required arguments of a tool. Each argument gets the first value that its schema allows.

    Patterns, references and combined schemas (for example `anyOf`) are ignored. If the schema uses one of these, the
    result is perhaps invalid.

    Args:
        parameters: JSON Schema of the arguments.
    """
    value = _example({"type": "object", **parameters}, 0)
    return value if isinstance(value, dict) else {}


def _example(schema: Any, depth: int) -> Any:
    if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
        return "text"
    for keyword in ("const", "default"):
        if keyword in schema:
            return schema[keyword]
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type", "string")
    match kind[0] if isinstance(kind, list) and kind else kind:
        case "object":
            properties = schema.get("properties", {})
            return {name: _example(properties.get(name), depth + 1) for name in schema.get("required", [])}
        case "array":
            return [_example(schema.get("items"), depth + 1) for _ in range(schema.get("minItems", 1))]
        case "boolean":
            return True
        case "integer" | "number" as number:
            low = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
            low = min(low, schema.get("maximum", low))
            step = schema.get("multipleOf", 1)
            return -(-low // step) * step if number == "integer" or "multipleOf" in schema else low
        case "null":
            return None
    return _FORMATS.get(str(schema.get("format")), "text".ljust(schema.get("minLength", 0), "."))[
        : schema.get("maxLength")
    ]
