"""Which schemas are accepted, and what is found wrong with arguments."""

from __future__ import annotations

import pytest

from toolmark.benchmark.data.cases import Tool
from toolmark.benchmark.tools.schemas import SchemaError, check_schema, compile_schema, problems, validator_of


def deep(levels):
    schema = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"properties": {"a": {"type": "text"}}}, ("properties", "a", "type")),
        ({"required": "a"}, ("required",)),
        ({"properties": {"a": {"$ref": "https://example.com/s.json"}}}, ("properties", "a", "$ref")),
        ({"items": {"$ref": "file:///etc/passwd"}}, ("items", "$ref")),
        ({"$dynamicRef": "other.json#x"}, ("$dynamicRef",)),
        ({"$ref": "#/$defs/missing"}, ()),
        ({"$schema": "https://example.com/draft"}, ()),
        ({"properties": {"a": {"pattern": "(?=x)"}}}, ("properties", "a", "pattern")),
        ({"properties": {"a": {"pattern": "["}}}, ("properties", "a", "pattern")),
        ({"default": {1, 2}}, ()),
        ([], ()),
    ],
)
def test_unsound_schemas_are_refused_with_their_place(schema, path):
    with pytest.raises(SchemaError) as caught:
        check_schema(schema)
    assert caught.value.path == path


@pytest.mark.parametrize("levels", [100, 100_000])
def test_bottomless_schemas_are_refused(levels):
    with pytest.raises(SchemaError, match="nested deeper"):
        check_schema(deep(levels))


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"$ref": {"type": "string"}, "enum": {"type": "string"}}},
        {"enum": [{"$ref": "https://example.com"}]},
        {"$defs": {"n": {"type": "integer"}}, "properties": {"a": {"$ref": "#/$defs/n"}}},
        {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "string"}]},
        {"properties": {"a": {"format": "made-up"}}},
    ],
)
def test_sound_schemas_are_accepted(schema):
    check_schema(schema)


SCHEMA = {
    "type": "object",
    "properties": {
        "count": {"type": "integer"},
        "share": {"type": "number"},
        "day": {"type": "string", "format": "date"},
        "unit": {"enum": ["m", 1]},
        "code": {"pattern": "^(a+)+$"},
        "list": {"type": "array", "items": {"type": "object", "required": ["x/y"]}},
    },
    "required": ["count"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("arguments", "keyword", "path"),
    [
        ({}, "required", ""),
        ({"count": True}, "type", "/count"),
        ({"count": "3"}, "type", "/count"),
        ({"count": 3.5}, "type", "/count"),
        ({"count": 3, "share": False}, "type", "/share"),
        ({"count": 3, "day": "2025-02-30"}, "format", "/day"),
        ({"count": 3, "unit": True}, "enum", "/unit"),
        ({"count": 3, "code": "a" * 50_000 + "b"}, "pattern", "/code"),
        ({"count": 3, "more": 1}, "additionalProperties", ""),
        ({"count": 3, "list": [{"x/y": 1}, {}]}, "required", "/list/1"),
        ({"count": 3, "code": "\ud800"}, "json", ""),
        ([], "type", ""),
    ],
)
def test_each_problem_has_keyword_and_path(arguments, keyword, path):
    found = problems(arguments, compile_schema(SCHEMA))
    assert [(problem.keyword, problem.path) for problem in found] == [(keyword, path)]
    assert 0 < len(found[0].message) <= 300


@pytest.mark.parametrize("arguments", [{"count": 3.0}, {"count": 10**30, "share": 1, "unit": 1.0, "code": "aaa"}])
def test_valid_arguments_have_no_problem(arguments):
    assert problems(arguments, compile_schema(SCHEMA)) == []


def test_validators_are_cached_by_content():
    assert compile_schema({"type": "object", "title": "x"}) is compile_schema({"title": "x", "type": "object"})


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "default": None},
        {"type": "string", "enum": ["a"], "default": None},
        {"$ref": "#/$defs/n", "default": None},
        {"oneOf": [{"type": "string"}, {"$ref": "#/$defs/n"}], "default": None},
        {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
        {"const": 5, "default": None},
    ],
    ids=range(6),
)
def test_null_is_valid_where_null_is_the_default(schema):
    inner = {"type": "object", "properties": {"a": schema, "b": {"type": "integer"}}}
    parameters = {"type": "object", "properties": {"box": inner}, "$defs": {"n": {"type": "integer"}}}
    validator = validator_of(Tool(name="f", parameters=parameters))
    assert not problems({"box": {"a": None}}, validator)
    assert problems({"box": {"b": None}}, validator)
    assert problems({"box": {"a": []}}, validator)
