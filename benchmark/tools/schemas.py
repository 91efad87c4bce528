"""JSON Schemas of tool arguments. This module checks schemas and validates arguments.

One library (jsonschema-rs) does all validation, so that "valid" has the same meaning everywhere. If the schema's
`$schema` names no other draft, the draft is 2020-12. All keywords and formats are checked. 3.0 is an integer, and a
boolean is not a number.

Schemas are not trusted. References to other documents are refused before the library reads the schema. The library's
retriever refuses such references too. Patterns are matched by a regex engine with linear time, because a backtracking
engine would need too long for `^(a+)+$`. This engine does not support look-around and back-references, so a pattern
with one of these is a schema error.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jsonschema_rs
from jsonschema_rs import Validator

from toolmark.benchmark.core.hashing import canonical_json
from toolmark.benchmark.data.cases import Tool

__all__ = [
    "Problem",
    "SchemaError",
    "Validator",
    "check_schema",
    "compile_schema",
    "problems",
    "subschemas",
    "validator_of",
]

MAX_DEPTH = 64
MAX_MESSAGE = 300
MAX_VALIDATORS = 4096

_VALIDATORS: dict[str, Validator] = {}

_MAPS_OF_SCHEMAS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_DATA = frozenset({"enum", "const", "default", "example", "examples"})
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")

Path = tuple[str | int, ...]


class SchemaError(ValueError):
    """A schema that cannot be used.

    This is a ValueError and not an InputError, because only the caller knows the file and line of the schema.

    Attributes:
        path: The place of the error in the schema.
    """

    def __init__(self, message: str, path: Path = ()) -> None:
        super().__init__(message)
        self.path = path


@dataclass(frozen=True, slots=True)
class Problem:
    """One violation of a schema by arguments.

    Attributes:
        keyword: The JSON Schema keyword that the arguments violate. `json` if the arguments are not JSON.
        path: JSON Pointer to the wrong value. It is empty for the arguments as a whole.
        message: The reason, at most 300 characters.
    """

    keyword: str
    path: str
    message: str


def subschemas(schema: Mapping[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every schema object inside a schema, with its path. The schema itself comes first.

    Maps of properties and data (such as the values of an enum) are not schema objects.

    Raises:
        SchemaError: The schema is nested deeper than 64 levels.
    """
    pending: list[tuple[Path, Any, bool]] = [((), schema, False)]
    while pending:
        path, node, names_are_keys = pending.pop()
        if len(path) > MAX_DEPTH:
            raise SchemaError(f"the schema is nested deeper than {MAX_DEPTH} levels", path[:3])
        if isinstance(node, list):
            pending.extend(((*path, index), item, False) for index, item in enumerate(node))
        elif isinstance(node, dict):
            if names_are_keys:
                pending.extend(((*path, key), value, False) for key, value in node.items())
                continue
            yield path, node
            pending.extend(
                ((*path, key), value, key in _MAPS_OF_SCHEMAS) for key, value in node.items() if key not in _DATA
            )


def check_schema(schema: Mapping[str, Any]) -> None:
    """Refuse a schema that is not valid JSON Schema, or that has a reference to another document.

    Raises:
        SchemaError: The schema is refused. The exception has the path of the error in the schema.
    """
    if not isinstance(schema, dict):
        raise SchemaError(f"a schema must be an object, not {type(schema).__name__}")
    for path, node in subschemas(schema):
        for keyword in _REFERENCES:
            target = node.get(keyword)
            if isinstance(target, str) and not target.startswith("#"):
                raise SchemaError(
                    f"{keyword} {target!r} is not local: only references that begin with # are allowed",
                    (*path, keyword),
                )
        pattern = node.get("pattern")
        if isinstance(pattern, str) and any(mark in pattern for mark in ("(?=", "(?!", "(?<=", "(?<!")):
            raise SchemaError(f"pattern {pattern!r} uses look-around, which is not supported", (*path, "pattern"))
    compile_schema(schema)


def compile_schema(schema: Mapping[str, Any]) -> Validator:
    """The validator of `schema`, cached by its canonical JSON.

    Raises:
        SchemaError: The schema is not valid JSON Schema.
    """
    try:
        text = canonical_json(schema)
    except (TypeError, RecursionError, ValueError) as error:
        raise SchemaError(f"the schema is not JSON: {error}") from None
    return _compiled(text)


def validator_of(tool: Tool) -> Validator:
    """The validator of a tool's arguments.

    The validator is cached by the tool's hash, so that the schema is not serialised for each call.

    Raises:
        SchemaError: The schema is not valid JSON Schema.
    """
    validator = _VALIDATORS.get(tool.schema_hash)
    if validator is None:
        if len(_VALIDATORS) >= MAX_VALIDATORS:
            _VALIDATORS.clear()
        validator = _VALIDATORS[tool.schema_hash] = compile_schema(tool.parameters)
    return validator


@lru_cache(maxsize=MAX_VALIDATORS)
def _compiled(text: str) -> Validator:
    try:
        return jsonschema_rs.validator_for(
            json.loads(text),
            validate_formats=True,
            retriever=_refuse,
            pattern_options=jsonschema_rs.RegexOptions(),
        )
    except jsonschema_rs.ValidationError as error:
        raise SchemaError(_short(error.message), tuple(error.instance_path)) from None
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise SchemaError(_short(str(error))) from None


def _refuse(uri: str) -> Any:
    raise ValueError(f"remote schemas are refused: {uri}")


def problems(arguments: object, validator: Validator) -> list[Problem]:
    """All violations of a schema by arguments. The list is empty if the arguments are valid."""
    instance: Any = dict(arguments) if isinstance(arguments, Mapping) else arguments
    try:
        # Most calls are valid, and `is_valid` is much faster than making an empty list of errors.
        if validator.is_valid(instance):
            return []
        return [
            Problem(error.kind.name, _pointer(error.instance_path), _short(error.message))
            for error in validator.iter_errors(instance)
        ]
    except ValueError as error:  # lone surrogates, integers of more than 4,300 digits, nesting that is too deep
        return [Problem("json", "", _short(f"the arguments cannot be validated as JSON: {error}"))]


def _pointer(path: list[str | int]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _short(message: str) -> str:
    # The library quotes the whole wrong value, which may be megabytes.
    return message if len(message) <= MAX_MESSAGE else message[: MAX_MESSAGE - 1] + "…"
