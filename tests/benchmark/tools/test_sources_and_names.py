"""Tools from YAML and JSON, and toolboxes by name. Each mistake has its file, line and fix."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.tools.catalog import catalog
from toolmark.benchmark.tools.json_pointer import resolved
from toolmark.benchmark.tools.schemas import problems, validator_of
from toolmark.benchmark.tools.sources.openapi_files import is_openapi
from toolmark.benchmark.tools.sources.tools_yaml import read_tools_file
from toolmark.benchmark.tools.toolbox_names import ToolboxNames, read_source
from toolmark.generators.template.schema.described_tool import DescribedTool


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf", "allOf"])
@pytest.mark.parametrize("typed", ["", "    type: object\n"])
def test_combined_schemas_are_not_completed(tmp_path, keyword, typed):
    path = tmp_path / "tools.yaml"
    path.write_text(
        f"- name: find\n  description: Find.\n  parameters:\n{typed}    {keyword}:\n"
        "      - {type: object, required: [id], properties: {id: {type: integer}}}\n"
    )
    (find,) = read_tools_file(path).tools
    assert find.parameters["type"] == "object"
    assert not problems({"id": 3}, validator_of(find))
    assert problems({}, validator_of(find))
    assert DescribedTool(find).question(Random(1), "easy").draw.arguments.keys() == {"id"}


@pytest.mark.parametrize(
    "text",
    [
        '[{"type": "function", "function": {"name": "f", "strict": true, "parameters": {"type": "object"}}}]',
        '{"tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": true}]}',
        "- type: function\n  function: {name: f, parameters: {type: object}}\n",
        "\ufeff- name: f\n  parameters: {type: object}\n",
        '{"type": "function", "function": {"name": "f", "description": null, "parameters": null}}',
        '{"name": "f", "parameters": {"type": "object"}}',
        '{"functions": [{"name": "f", "parameters": {"type": "object"}}]}',
        '{"model": "m", "messages": [], "tools": [{"name": "f", "input_schema": {"type": "object"}}]}',
        '{"jsonrpc": "2.0", "id": 1, "result": {"tools": [{"name": "f", "title": "F", "inputSchema": {}}]}}',
    ],
    ids=range(9),
)
def test_tools_in_the_forms_of_clients_and_with_a_byte_order_mark(tmp_path, text):
    path = tmp_path / "tools.json"
    path.write_text(text, encoding="utf-8")
    assert not is_openapi(path) or text.startswith(("- ", "\ufeff- "))
    (tool,) = read_tools_file(path).tools
    assert (tool.name, tool.parameters) == ("f", {"type": "object"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"components": {"x": "' + "x" * 100_000 + '"}, "paths": {}, "openapi": "3.0.0"}', True),
        ('{\n  "swagger": "2.0"}', True),
        ("paths: {}\nopenapi: 3.0.0\n", True),
        ("tools:\n- name: f\n  description: |\n    openapi: 3\n", False),
        ("tools: [{name: openapi}]\n", False),
        ("- openapi: 3.0.0\n", False),
        ("openapi\n", False),
        ("a: [\n", False),
    ],
    ids=range(8),
)
@pytest.mark.parametrize("name", ["x.yaml", "x.json"])
def test_an_openapi_document_is_known_by_its_key(tmp_path, text, expected, name):
    (tmp_path / name).write_text(text)
    assert is_openapi(tmp_path / name) == expected


DOCUMENT = {
    "paths": {"/orders/{id}": {"get": {"parameters": [{"name": "id"}, {"name": "a%b"}]}}},
    "a~1b": {"0": ["x", "y"]},
}


@pytest.mark.parametrize(
    ("reference", "value", "place"),
    [
        (
            "#/paths/~1orders~1%7Bid%7D/get/parameters/1/name",
            "a%b",
            ("paths", "/orders/{id}", "get", "parameters", 1, "name"),
        ),
        (
            "#/paths/~1orders~1{id}/get/parameters/0/name",
            "id",
            ("paths", "/orders/{id}", "get", "parameters", 0, "name"),
        ),
        ("#/a~01b/0/1", "y", ("a~1b", "0", 1)),
        ("#", DOCUMENT, ()),
    ],
    ids=range(4),
)
def test_references_are_json_pointers(reference, value, place):
    assert resolved(DOCUMENT, reference) == (value, place)


@pytest.mark.parametrize("reference", ["#/none", "#/a~01b/0/2", "#/a~01b/0/-1", "#/a~01b/0/x", "#/a~01b/0/0/0"])
def test_references_to_nothing(reference):
    with pytest.raises(LookupError):
        resolved(DOCUMENT, reference)


def test_the_tutorials_form_is_completed(tmp_path):
    path = tmp_path / "tools.yaml"
    path.write_text(
        "- name: count\n  description: Count.\n  parameters:\n    properties:\n"
        "      title: {type: string, description: What}\n      answer: {enum: [no, yes, off]}\n- name: now\n"
    )
    count, now = read_tools_file(path).tools
    assert count.parameters["required"] == ["title", "answer"]
    assert count.parameters["additionalProperties"] is False
    assert count.parameters["properties"]["answer"]["enum"] == ["no", "yes", "off"]
    assert now.parameters == {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    assert (now.run, now.effects) == (None, "write")


def test_a_full_schema_is_kept_and_a_file_is_relative_to_the_yaml(tmp_path):
    path = tmp_path / "tools.yaml"
    path.write_text(
        "tools:\n- name: f\n  parameters: {type: object, properties: {a: {type: integer}}}\n"
        '  run: "sub/own.py:f"\n  effects: pure\n- {name: g, run: "pkg.mod:g"}\n'
    )
    f, g = read_tools_file(path).tools
    assert f.parameters == {"type": "object", "properties": {"a": {"type": "integer"}}}
    assert (f.run, f.effects, g.run) == (f"{tmp_path}/sub/own.py:f", "pure", "pkg.mod:g")


# Nine aliases of nine aliases, eight times: 43 million values in 400 bytes.
BOMB = "a: &b0 [1]\n" + "".join(f"k{i}: &b{i} [" + ", ".join([f"*b{i - 1}"] * 9) + "]\n" for i in range(1, 9))


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("- name: a\n  description: [\n", 3, "invalid YAML"),
        ("- name: a\n  name: b\n", 2, "appears twice"),
        ("just text\n", 1, "expected a list"),
        ("", 1, "empty"),
        ("tools:\n  a: {}\n", 1, "tools must be a list"),
        ("tools: []\nboxes: {}\n", 2, "unknown key 'boxes'"),
        ("- 3\n", 1, "a tool must be a mapping"),
        ("- name: a\n  params: {}\n", 2, "unknown key 'params'"),
        ("- description: x\n", 1, "name must be a string"),
        ("- name: 3\n", 1, "name must be a string"),
        ("- name: a\n  effects: none\n", 2, "effects of a are 'none'"),
        ("- name: a\n  run: mod\n", 2, "implementation of a"),
        ("- name: a\n  parameters:\n    properties:\n      x:\n        type: text\n", 5, "not a valid JSON Schema"),
        ("- name: a\n  parameters:\n    properties:\n      x:\n        $ref: http://e.org/s\n", 5, "is not local"),
        ("- name: a\n  parameters:\n    properties:\n      x:\n        enum:\n        - on\n        - true", 7, "bool"),
        ("- name: a\n  parameters:\n    properties:\n      x: {type: string, enum: [true]}\n", 4, "boolean"),
        ("- name: a\n  parameters:\n    properties:\n      x: {enum: [2025-01-01]}\n", 4, "2025-01-01 as a date"),
        ("- name: a\n  parameters: {type: array}\n", 2, "are always an object"),
        ("- name: a\n  description: !!python/name:os.system x\n", 2, "not allowed"),
        ("- &a\n  name: x\n  description: *a\n", 3, "contains itself"),
        (BOMB, 7, "add more than 200,000 values"),
        ("- name: ''\n", 1, "name is empty"),
        ("- name: a\n  parameters:\n    city: {type: str}\n", 3, "'city', which is no keyword"),
        ("- name: a\n  parameters: {type: object, city: {}}\n", 2, "below properties"),
        ("- name: a\n  parameters: {properties: {x: {type: [str]}}}\n", 2, "'str'. is not a type"),
        ("- <<: 3\n  name: a\n", 1, "the value of << is not a mapping"),
        ("toolboxes:\n  one: calculator\n", 2, "list of tool names"),
        ("toolboxes:\n  one: [calculator, calculator]\n", 2, "twice"),
    ],
)  # fmt: skip
def test_yaml_mistakes_have_file_line_and_fix(tmp_path, text, line, what):
    path = tmp_path / "tools.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=what) as caught:
        read_tools_file(path)
    assert caught.value.fix
    place = caught.value.what.split(": ")[0]
    assert place == f"{path}:{line}"


def test_a_bad_tool_is_left_out_with_a_note(tmp_path):
    path = tmp_path / "tools.yaml"
    path.write_text("- name: a\n- {name: b, parameters: 3}\n- name: a\n- 7\n- name: c\n")
    read = read_tools_file(path)
    assert [tool.name for tool in read.tools] == ["a", "c"]
    assert [str(note).split(". ")[0] for note in read.notes] == [
        f"{path}:2: the parameters of b must be a mapping, not a number",
        f"{path}:3: a tool named 'a' appears twice: here and at {path}:1",
        f"{path}:4: a tool must be a mapping, not a number",
    ]


def test_enums_of_booleans_are_meant_where_declared(tmp_path):
    path = tmp_path / "tools.yaml"
    path.write_text("- name: a\n  parameters: {properties: {x: {type: boolean, enum: [true]}}}\n")
    assert read_tools_file(path).tools[0].parameters["properties"]["x"]["enum"] == [True]


def test_names_are_looked_up_beside_the_case_file_then_in_the_source_then_in_the_catalog(tmp_path):
    beside = tmp_path / "cases" / "tools.yaml"
    beside.parent.mkdir()
    beside.write_text("tools: [{name: own}]\ntoolboxes:\n  mixed: [own, calculator]\n  shared: [own]\n")
    source = tmp_path / "shop.yaml"
    source.write_text("tools: [{name: other}]\ntoolboxes:\n  shared: [other]\n  theirs: [other, word_count]\n")
    names = ToolboxNames(beside.parent / "cases.test.jsonl", source)
    assert names.names == ("tools", "mixed", "shared", "shop", "theirs", "catalog")
    assert names.resolve("mixed").tools[1] is catalog()["calculator"]
    assert names.resolve("shared").names == ("own",)
    assert names.resolve("theirs").names == ("other", "word_count")
    assert names.resolve("catalog") == catalog()
    assert ToolboxNames(source=source).resolve("shared").names == ("other",)


def test_a_toolbox_beside_the_cases_offers_some_tools_of_the_source(tmp_path):
    (tmp_path / "tools.yaml").write_text("toolboxes: {some: [second, calculator]}\n")
    source = tmp_path / "desk.yaml"
    source.write_text("[{name: first}, {name: second}, {name: calculator}]")
    names = ToolboxNames(tmp_path / "my.test.jsonl", source)
    assert names.resolve("some").names == ("second", "calculator")
    assert names.resolve("some").tools[1] is catalog()["calculator"], "shipped cases do not change"
    assert names.resolve("desk").names == ("first", "second", "calculator")
    with pytest.raises(InputError, match="lists the tool 'second', which does not exist"):
        ToolboxNames(tmp_path / "my.test.jsonl").resolve("some")


def test_unknown_names_show_the_nearest(tmp_path):
    with pytest.raises(InputError, match=r"no toolbox 'catalogue'.*Did you mean catalog"):
        ToolboxNames().resolve("catalogue")
    path = tmp_path / "tools.yaml"
    path.write_text("toolboxes:\n  one: [calculater]\n")
    with pytest.raises(InputError, match=r"'calculater'.*calculator"):
        ToolboxNames(Path(tmp_path / "cases.jsonl")).resolve("one")


@pytest.mark.parametrize(
    ("source", "fix"),
    [
        ("https://e.org/api.json", "curl -O https://e.org/api.json"),
        ("{folder}", "Give a file that ends in"),
        ("{folder}/tools.jsonl", "Give a file that ends in"),
        ("", "Give a file that ends in"),
        ("./tools", "Give a file that ends in"),
    ],
)
def test_what_is_no_source_of_tools_says_what_is_one(tmp_path, source, fix):
    (tmp_path / "tools.jsonl").write_text("{}")
    with pytest.raises(InputError, match=fix):
        read_source(source.format(folder=tmp_path))
