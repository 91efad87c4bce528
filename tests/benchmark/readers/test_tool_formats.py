"""Tools as other formats describe them: which arguments are required, and when a description stays a JSON Schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.benchmark.readers.samples import case_of, read
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.dialects.json import Json
from toolmark.benchmark.readers.tool_formats import tool_of, toolbox_of, type_schema
from toolmark.benchmark.scoring.grades import grade
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


@pytest.mark.parametrize(
    ("kind", "written", "default"),
    [
        ("int, optional", "0", 0),
        ("int, optional", "300.0", 300),
        ("float", "0.5", 0.5),
        ("float", "2", 2),
        ("bool, optional", "True", True),
        ("bool", "false", False),
        ("List[int]", "[1, 2]", [1, 2]),
        ("list", "()", []),
        ("dict", "{'a': 1}", {"a": 1}),
        ("NUMBER", "10", 10),
        ("str, optional", "0", "0"),
        ("str, optional", "", ""),
        ("any", "0", "0"),
        ("Union[int, str]", "0", "0"),
        ("int", 7, 7),
        ("int, optional", "", None),
        ("bool, optional", "", None),
        ("int, optional", "None", None),
        ("int", "True", None),
        ("bool", "1", None),
        ("int", "0.5", None),
        ("int", "five", None),
        ("list", "a, b", None),
    ],
)
def test_a_default_that_is_written_as_text_has_the_type_of_its_argument(kind: str, written: Any, default: Any) -> None:
    tool = tool_of({"name": "f", "parameters": {"a": {"type": kind, "default": written}, "b": {"type": "str"}}})
    schema = tool.parameters["properties"]["a"]
    assert (schema.get("default"), type(schema.get("default"))) == (default, type(default))
    assert ("default" in schema) == (default is not None)
    assert tool.parameters["required"] == ["b"]
    if default is not None:
        assert not problems({"a": default, "b": "x"}, validator_of(toolbox_of([tool])["f"]))


def test_an_omitted_argument_is_right_at_a_default_that_is_written_as_text(tmp_path: Path) -> None:
    arguments = {"name": {"type": "str"}, "offset": {"type": "int, optional", "default": "0"}}
    row = {"query": "?", "tools": [{"name": "f", "parameters": arguments}]}
    given = ({"name": "x"}, {"name": "x", "offset": 0}, {"name": "x", "offset": 1}, {"name": "x", "offset": "0"})
    for gold in given[:2]:
        (case,) = read(
            "xlam", tmp_path / "x.json", json.dumps([{**row, "answers": [{"name": "f", "arguments": gold}]}])
        )
        answers = [Completion(json.dumps({"name": "f", "arguments": answer})) for answer in given]
        assert [grade(case_of(case), answer, Json()).correct for answer in answers] == [True, True, False, False]


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


@pytest.mark.parametrize("nullable", [True, False])
def test_whether_an_argument_can_be_null_does_not_make_it_required(nullable: bool) -> None:
    either = {"type": "string", "nullable": nullable}
    schema = {"type": "object", "properties": {"a": {"type": "string"}, "b": either}, "required": ["a"]}
    assert tool_of({"name": "f", "parameters": schema}).parameters["required"] == ["a"]


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf", "allOf"])
def test_parameters_that_combine_schemas_stay_a_schema(keyword: str) -> None:
    branch = {"type": "object", "required": ["id"], "properties": {"id": {"type": "int"}}}
    tool = toolbox_of([tool_of({"name": "f", "parameters": {keyword: [branch]}})])["f"]
    assert not problems({"id": 3}, validator_of(tool))
    assert problems({"id": "three"}, validator_of(tool))


FLOAT = {"type": "float"}
NUMBER = {"type": "number"}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"type": ["float", "None"]}, {"type": ["number", "null"]}),
        ({"type": ["float", "any"]}, {}),
        ({"type": ["str", "null"]}, {"type": ["string", "null"]}),
        ({"type": "dict", "patternProperties": {"^x": FLOAT}}, {"type": "object", "patternProperties": {"^x": NUMBER}}),
        ({"type": "tuple", "prefixItems": [FLOAT]}, {"type": "array", "prefixItems": [NUMBER]}),
        ({"not": FLOAT, "contains": FLOAT}, {"not": NUMBER, "contains": NUMBER}),
        ({"enum": ["float"], "default": {"type": "float"}}, {"enum": ["float"], "default": {"type": "float"}}),
        ({"type": "str", "nullable": True, "enum": ["a"]}, {"type": ["string", "null"], "enum": ["a", None]}),
        ({"anyOf": [FLOAT], "nullable": True}, {"anyOf": [NUMBER], "nullable": True}),
    ],
    ids=range(9),
)
def test_names_of_types_are_read_everywhere_in_a_schema(written: dict[str, Any], read: dict[str, Any]) -> None:
    schema = {"type": "dict", "properties": {"a": written}, "$defs": {"d": written}}
    tool = tool_of({"name": "f", "parameters": schema})
    assert tool.parameters == {"type": "object", "properties": {"a": read}, "$defs": {"d": read}}
    toolbox_of([tool])


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("int or float", {}),
        ("str/int, optional", {}),
        ("List[str] or str", {}),
        ("list, str", {}),
        ("str or None", {"type": "string"}),
        ("Dict[str, int]", {"type": "object"}),
        ("List[Tuple[int, str]]", {"type": "array"}),
        ("str, required", {"type": "string"}),
        ("int or integer", {"type": "integer"}),
        ("list of str", {"type": "array"}),
        ("str (date or time)", {"type": "string"}),
    ],
)
def test_alternatives_in_a_type_allow_every_value(written: str, read: dict[str, Any]) -> None:
    assert type_schema(written)[0] == read


def test_a_schema_that_is_only_a_reference_is_no_list_of_flat_arguments() -> None:
    parameters = {"$ref": "#/definitions/f", "definitions": {"f": {"type": "dict", "properties": {"a": FLOAT}}}}
    tool = tool_of({"name": "f", "parameters": parameters})
    assert problems({"a": 1}, validator_of(tool)) == []
    assert problems({"a": "x"}, validator_of(tool))


def test_a_flat_argument_keeps_the_schema_inside_it() -> None:
    near = {"type": "dict", "description": "N", "properties": {"km": FLOAT}, "required": ["km"]}
    either = {"anyOf": [FLOAT, {"type": "null"}], "example": "x", "format": "any"}
    tool = tool_of({"name": "f", "parameters": {"near": near, "either": either, "listed": {"type": ["float", "null"]}}})
    assert tool.parameters["properties"] == {
        "near": {"type": "object", "description": "N", "properties": {"km": NUMBER}, "required": ["km"]},
        "either": {"anyOf": [NUMBER, {"type": "null"}]},
        "listed": {"type": ["number", "null"]},
    }
