"""JSON Schema of a tool's arguments: whether the schema is sound, and what is wrong with given arguments.

One engine (jsonschema-rs) serves every judgement, so that "valid" means one thing everywhere: draft 2020-12 unless the
schema's `$schema` says otherwise, all keywords, formats asserted, 3.0 an integer, a bool never a number.

Schemas come from strangers. A reference that leaves the schema is refused before the engine sees it, and refused again
by the retriever. Patterns run on a linear-time regex engine, because `^(a+)+$` would hang a backtracking one; the price
is that look-around and back-references are schema errors.
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
    """A schema that cannot be used, and where in it.

    A ValueError and not an InputError, because only the caller knows the file and line that belong to `path`.
    """

    def __init__(self, message: str, path: Path = ()) -> None:
        super().__init__(message)
        self.path = path


@dataclass(frozen=True, slots=True)
class Problem:
    """One way in which arguments break a schema.

    Attributes:
        keyword: The JSON Schema keyword that failed, or `json` for arguments that are no JSON at all.
        path: JSON Pointer to the offending value; empty for the arguments as a whole.
        message: The reason, at most 300 characters.
    """

    keyword: str
    path: str
    message: str


def subschemas(schema: Mapping[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every schema object inside `schema` with its path, itself first; never a property map, never data like `enum`.

    Raises:
        SchemaError: Nested deeper than 64 levels.
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
    """Refuse a schema that is not valid JSON Schema, or that refers outside itself.

    Raises:
        SchemaError: With the path inside the schema.
    """
    if not isinstance(schema, dict):
        raise SchemaError(f"a schema is an object, not {type(schema).__name__}")
    for path, node in subschemas(schema):
        for keyword in _REFERENCES:
            target = node.get(keyword)
            if isinstance(target, str) and not target.startswith("#"):
                raise SchemaError(f"{keyword} {target!r} is not local; only #… is followed", (*path, keyword))
        pattern = node.get("pattern")
        if isinstance(pattern, str) and any(mark in pattern for mark in ("(?=", "(?!", "(?<=", "(?<!")):
            raise SchemaError(f"pattern {pattern!r} looks around, which takes no linear time", (*path, "pattern"))
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
    """The validator of a tool's arguments, found by the tool's hash: its schema is not spelt out again for each call.

    Raises:
        SchemaError: The schema is not valid JSON Schema.
    """
    known = _VALIDATORS.get(tool.schema_hash)
    if known is None:
        if len(_VALIDATORS) >= MAX_VALIDATORS:
            _VALIDATORS.clear()
        known = _VALIDATORS[tool.schema_hash] = compile_schema(tool.parameters)
    return known


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
    """Everything that `validator` finds wrong with `arguments`; empty when they are valid."""
    instance: Any = dict(arguments) if isinstance(arguments, Mapping) else arguments
    try:
        # The common case is a valid call, and a yes costs a fraction of an empty list of errors.
        if validator.is_valid(instance):
            return []
        return [
            Problem(error.kind.name, _pointer(error.instance_path), _short(error.message))
            for error in validator.iter_errors(instance)
        ]
    except ValueError as error:  # lone surrogates, integers of more than 4,300 digits, bottomless nesting
        return [Problem("json", "", _short(f"not JSON that can be judged: {error}"))]


def _pointer(path: list[str | int]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _short(message: str) -> str:
    # The engine quotes the whole offending value, which may be megabytes.
    return message if len(message) <= MAX_MESSAGE else message[: MAX_MESSAGE - 1] + "…"
