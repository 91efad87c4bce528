"""Tools as other formats describe them: which arguments are required, and when a description stays a JSON Schema."""

from __future__ import annotations

import json
from typing import Any

import pytest

from toolmark.benchmark.readers.tool_formats import tool_of, toolbox_of
from toolmark.benchmark.tools.schemas import problems, validator_of


@pytest.mark.parametrize(
    ("arguments", "required"),
    [
        ({"a": {"type": "str", "required": True}, "b": {"type": "str"}}, ["a"]),
        ({"a": {"type": "str", "required": "true"}, "b": {"type": "str", "required": "false"}}, ["a"]),
        ({"a": {"type": "str", "required": True, "default": "x"}, "b": {"type": "str", "required": False}}, ["a"]),
        ({"a": {"type": "str"}, "b": {"type": "str", "required": False}}, ["a"]),
        ({"a": {"type": "str", "required": 1}, "b": {"type": "str", "required": 0}}, ["a"]),
        ({"a": {"type": "str", "is_required": True}, "b": {"type": "str"}}, ["a"]),
        ({"a": {"type": "str"}, "b": {"type": "str | None"}, "c": {"type": "Union[str, None]"}}, ["a"]),
        ({"a": {"type": "str"}, "b": {"type": "str", "description": "(Optional) The b."}}, ["a"]),
        ([{"name": "a", "type": "str"}, {"name": "b", "type": "str", "optional": True}], ["a"]),
        ({"a": {"type": "str"}, "b": {"type": "str", "optional": True}}, ["a"]),
        ({"a": {"type": "str"}, "b": {"type": "str, optional"}, "c": {"type": "int", "default": 1}}, ["a"]),
        ({"a": "str - What."}, ["a"]),
    ],
    ids=range(12),
)
def test_marks_say_which_flat_arguments_are_required(arguments: dict[str, Any], required: list[str]) -> None:
    assert tool_of({"name": "f", "parameters": arguments}).parameters["required"] == required
    assert "required" not in tool_of({"name": "f", "parameters": arguments}).parameters["properties"]["a"]


def test_arguments_in_two_lists_and_as_text_are_read() -> None:
    lists = {"required_parameters": [{"name": "a", "type": "NUMBER"}], "optional_parameters": [{"name": "b"}]}
    schema = tool_of({"name": "f", **lists}).parameters
    assert schema == {"type": "object", "properties": {"a": {"type": "number"}, "b": {}}, "required": ["a"]}
    assert tool_of({"name": "f", "parameters": json.dumps(schema)}).parameters == schema
    with pytest.raises(ValueError, match="must be an object"):
        tool_of({"name": "f", "parameters": 7})


def test_marks_inside_a_json_schema_become_its_list() -> None:
    inner = {"type": "object", "properties": {"x": {"type": "int", "required": True}, "y": {"type": "int"}}}
    box = {"type": "dict", "properties": {"box": inner, "n": {"type": "integer", "required": False}}}
    parameters = toolbox_of([tool_of({"name": "f", "parameters": box})])["f"].parameters
    assert parameters["properties"]["box"]["required"] == ["x"]
    assert "required" not in parameters
    assert parameters["properties"]["n"] == {"type": "integer"}


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf", "allOf"])
def test_parameters_that_combine_schemas_stay_a_schema(keyword: str) -> None:
    branch = {"type": "object", "required": ["id"], "properties": {"id": {"type": "int"}}}
    tool = toolbox_of([tool_of({"name": "f", "parameters": {keyword: [branch]}})])["f"]
    assert not problems({"id": 3}, validator_of(tool))
    assert problems({"id": "three"}, validator_of(tool))
