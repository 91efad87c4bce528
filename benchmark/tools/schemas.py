"""Checks the JSON Schemas of tool arguments, and validates arguments.

One library (jsonschema-rs) does all validation, so that "valid" means the same everywhere. If a schema names no draft
of JSON Schema, draft 2020-12 is used. All keywords and formats are checked. 3.0 is an integer, and a boolean is not a
number. If the default of an argument is null, then null is valid for this argument, whatever its type is.

Schemas are not trusted, so there are two restrictions:

- References to other documents are refused.
- Patterns are matched by a regex engine that takes linear time. With a pattern like `^(a+)+$`, a backtracking engine
  could take hours. The linear engine does not support look-around and back-references.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Any, TypeVar

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
    "per_tool",
    "problems",
    "subschemas",
    "validator_of",
]

_T = TypeVar("_T")

MAX_DEPTH = 64
MAX_MESSAGE = 300
MAX_VALIDATORS = 4096
MAX_CACHED = 100_000
"""Longest schema whose validator is cached, in characters. A file can have hundreds of larger schemas."""

_MAPS_OF_SCHEMAS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_DATA = frozenset({"enum", "const", "default", "example", "examples"})
_TYPES = "the types are array, boolean, integer, null, number, object and string"
_COMBINING = ("$ref", "allOf", "anyOf", "const", "not", "oneOf")
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")

Path = tuple[str | int, ...]


class SchemaError(ValueError):
    """A schema cannot be used.

    This error is a `ValueError` and not an `InputError`, because only the caller knows the file and line of the schema.

    Attributes:
        path: Keys and indices that lead to the error in the schema.
    """

    def __init__(self, message: str, path: Path = ()) -> None:
        super().__init__(message)
        self.path = path


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why arguments do not fit their schema.

    Attributes:
        keyword: The JSON Schema keyword that the arguments violate. It is `json` if the arguments are not JSON.
        path: JSON Pointer to the wrong value. It is empty if the arguments as a whole are wrong.
        message: The reason in words, in at most 300 characters.
    """

    keyword: str
    path: str
    message: str


def subschemas(schema: Mapping[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield a schema and all schemas inside it, each with its path.

    The mapping in `properties` is not a schema, but each of its values is one. Data, for example the values of an enum,
    is not a schema.

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
    """Check that a schema is valid JSON Schema without references to other documents.

    Raises:
        SchemaError: The schema fails the check. The exception contains the path of the error in the schema.
    """
    if not isinstance(schema, dict):
        raise SchemaError(f"a schema must be an object, not {type(schema).__name__}")
    for path, node in subschemas(schema):
        for keyword in _REFERENCES:
            target = node.get(keyword)
            if isinstance(target, str) and not target.startswith("#"):
                raise SchemaError(
                    f"{keyword} {target!r} is not local, but only references that begin with # are allowed",
                    (*path, keyword),
                )
        pattern = node.get("pattern")
        if isinstance(pattern, str) and any(mark in pattern for mark in ("(?=", "(?!", "(?<=", "(?<!")):
            raise SchemaError(f"pattern {pattern!r} uses look-around, which is not supported", (*path, "pattern"))
    compile_schema(schema)


def compile_schema(schema: Mapping[str, Any]) -> Validator:
    """Return the validator of `schema`. Equal schemas share one cached validator, unless they are large.

    Raises:
        SchemaError: The schema is not valid JSON Schema.
    """
    try:
        text = canonical_json(schema)
    except (TypeError, RecursionError, ValueError) as error:
        raise SchemaError(f"the schema is not JSON: {error}") from None
    return _compiled(text) if len(text) <= MAX_CACHED else _compiled.__wrapped__(text)


def per_tool(made: Callable[[Tool], _T]) -> Callable[[Tool], _T]:
    """Return a function that calls `made` once for each tool, and then returns the same result.

    The results are cached by the hash of the tool, because converting the schema to JSON for every call would be slow.
    """
    cache: dict[str, _T] = {}

    @wraps(made)
    def cached(tool: Tool) -> _T:
        found = cache.get(tool.schema_hash)
        if found is None:
            if len(cache) >= MAX_VALIDATORS:
                cache.clear()
            found = cache[tool.schema_hash] = made(tool)
        return found

    return cached


@per_tool
def validator_of(tool: Tool) -> Validator:
    """Return the validator of a tool's arguments. The validator accepts null for each value whose default is null.

    Raises:
        SchemaError: The schema is not valid JSON Schema.
    """
    return compile_schema(_nullable(tool.parameters))


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of the schema that accepts null for every value whose default is null.

    Many schemas describe an optional argument as `{"type": "integer", "default": null}`. Strictly, null is not valid
    then.
    """
    if not any("default" in node and node["default"] is None for _, node in subschemas(schema)):
        return schema
    changed = copy.deepcopy(schema)
    for _, node in list(subschemas(changed)):
        if "default" not in node or node["default"] is not None:
            continue
        if isinstance(node.get("type"), str | list):
            listed = [node["type"]] if isinstance(node["type"], str) else node["type"]
            node["type"] = list(dict.fromkeys([*listed, "null"]))
        if isinstance(node.get("enum"), list) and None not in node["enum"]:
            node["enum"] = [*node["enum"], None]
        if moved := {key: node.pop(key) for key in _COMBINING if key in node}:
            node["anyOf"] = [moved, {"type": "null"}]
    try:
        compile_schema(changed)
    except SchemaError:  # A reference names a part of the schema that was moved into `anyOf`.
        return schema
    return changed


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
        path = tuple(error.instance_path)
        message = f"{error.instance!r:.80} is not a type; {_TYPES}" if path[-1:] == ("type",) else error.message
        raise SchemaError(_short(message), path) from None
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise SchemaError(_short(str(error))) from None


def _refuse(uri: str) -> Any:
    raise ValueError(f"remote schemas are refused: {uri}")


def problems(arguments: object, validator: Validator) -> list[Problem]:
    """Return the reasons why arguments do not fit a schema. The list is empty if the arguments are valid."""
    instance: Any = dict(arguments) if isinstance(arguments, Mapping) else arguments
    try:
        # Most calls are valid, and `is_valid` is much faster than `iter_errors`.
        if validator.is_valid(instance):
            return []
        return [
            Problem(error.kind.name, _pointer(error.instance_path), _short(error.message))
            for error in validator.iter_errors(instance)
        ]
    except ValueError as error:  # Causes: a lone surrogate, an integer of more than 4,300 digits, or too deep nesting.
        return [Problem("json", "", _short(f"the arguments cannot be validated as JSON: {error}"))]


def _pointer(path: list[str | int]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _short(message: str) -> str:
    # The message of the library contains the whole wrong value, which can have megabytes.
    return message if len(message) <= MAX_MESSAGE else message[: MAX_MESSAGE - 1] + "…"
