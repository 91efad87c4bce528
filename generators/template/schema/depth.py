"""Finds out whether a schema allows a value that is not nested too deeply. The schema can refer to itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolmark.benchmark.tools.json_pointer import resolved

__all__ = ["fits", "target"]

Schema = Mapping[str, Any]

_MAX_REFERENCES = 64
"""Longest chain of references and combined schemas at one level of a value."""


def target(reference: str, whole: Schema) -> Any:
    """Return the schema to which a local reference points. None if this schema does not exist.

    Args:
        reference: The reference, for example `#/$defs/Address`.
        whole: The complete schema.
    """
    try:
        return resolved(whole, reference)[0]
    except LookupError:
        return None


def fits(schema: Any, whole: Schema, room: int) -> bool:
    """Return whether a schema allows a value with at most `room` levels below the top level of the value.

    Only required properties and items count, because a value can leave out everything else.

    Args:
        schema: The schema of the value.
        whole: The complete schema, to which the references refer.
        room: Number of levels.
    """
    return _fits(schema, whole, room, 0, {})


def _fits(schema: Any, whole: Schema, room: int, chain: int, known: dict[tuple[int, int], bool]) -> bool:
    if room < 0 or chain > _MAX_REFERENCES or schema is False:
        return False
    if not isinstance(schema, Mapping):
        return True
    key = (id(schema), room)
    if key not in known:
        known[key] = False  # A schema that needs itself at the same level has no value.
        known[key] = _has_value(schema, whole, room, chain, known)
    return known[key]


def _has_value(schema: Schema, whole: Schema, room: int, chain: int, known: dict[tuple[int, int], bool]) -> bool:
    def same_level(inner: Any) -> bool:
        return _fits(inner, whole, room, chain + 1, known)

    def below(inner: Any) -> bool:
        return _fits(inner, whole, room - 1, 0, known)

    if "const" in schema or "enum" in schema:
        return True
    for keyword in ("anyOf", "oneOf"):
        if (options := schema.get(keyword)) and not any(map(same_level, options)):
            return False
    if not all(map(same_level, schema.get("allOf", ()))):
        return False
    if "$ref" in schema and not same_level(target(schema["$ref"], whole)):
        return False
    kinds = schema.get("type")
    if isinstance(kinds, list) and set(kinds) - {"object", "array"}:
        return True
    properties = schema.get("properties", {})
    if not all(below(properties[name]) for name in schema.get("required", ()) if name in properties):
        return False
    if prefix := schema.get("prefixItems"):
        return all(map(below, prefix))
    return not schema.get("minItems") or below(schema.get("items", True))
