"""Sources of tools in which some tools are bad: the good ones are taken, and each bad one has a note."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.running_time import is_nearly_linear
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.tools.sources.openapi import read_openapi, read_operations
from toolmark.benchmark.tools.sources.tools_yaml import read_tools_file
from toolmark.benchmark.tools.toolbox_names import read_source
from toolmark.generators.commands.generate import _toolbox_of

GOOD: dict[str, Any] = {"operationId": "ping", "summary": "Ping."}
TEXT = {"type": "string", "description": "Text"}


def document(operation: Any, **more: Any) -> dict[str, Any]:
    return {"openapi": "3.1.0", "paths": {"/ping": {"get": GOOD}, "/bad/{id}": {"post": operation}}, **more}


def body(schema: Any, **more: Any) -> dict[str, Any]:
    return {"operationId": "bad", "requestBody": {"content": {"application/json": {"schema": schema}}, **more}}


def query(**parameter: Any) -> dict[str, Any]:
    return {"operationId": "bad", "parameters": [{"name": "q", "in": "query", **parameter}]}


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        ({"operationId": "bad", "requestBody": {"content": [1]}}, "content must be a mapping"),
        ({"operationId": "bad", "requestBody": {"content": {"application/json": "x"}}}, "must be a mapping"),
        ({"operationId": "bad", "requestBody": 7}, "requestBody must be a mapping"),
        (body({"type": "object", "properties": {"a": TEXT}, "required": "a"}), "required must be a list"),
        (body({"properties": {"a": {"type": "text"}}}), "not a valid JSON Schema"),
        (body({"properties": {"a": {"$ref": {"x": 1}}}}), "$ref"),
        (body({"properties": {"a": {"pattern": "^(?=a)"}}}), "look-around"),
        (body({"$ref": "#/paths/~1bad~1{id}/post/requestBody/content/application~1json/schema"}), "circle"),
        (query(content="x"), "content must be a mapping"),
        (query(schema=[1]), "schema must be a mapping"),
        ({"operationId": "bad", "parameters": {"q": 1}}, "parameters must be a list"),
        ({"operationId": "bad", "security": {"key": []}}, "security must be a list"),
        ({"operationId": "bad", "x-toolmark-effects": {"a": 1}}, "effects of bad"),
        ({"operationId": "ping"}, "appears twice"),
        ([GOOD], "post must be a mapping"),
    ],
    ids=range(15),
)
def test_a_bad_operation_is_left_out(tmp_path: Path, operation: Any, reason: str) -> None:
    path = tmp_path / "api.json"
    path.write_text(json.dumps(document(operation), indent=1))
    read = read_openapi(path)
    assert [tool.name for tool in read.tools] == ["ping"]
    (note,) = read.notes
    assert reason in note.what
    assert note.place.startswith(f"{path}:")
    assert read_operations(path).keys() == {"ping"}


@pytest.mark.parametrize(
    "more",
    [
        {"servers": {"url": "x"}},
        {"servers": [{"url": 7, "variables": [1]}]},
        {"servers": [{"url": "http://[", "variables": {"a": 1}}]},
        {"components": [1], "security": [{"key": []}]},
        {"components": {"securitySchemes": "x"}, "security": [{"key": []}]},
        {"components": {"securitySchemes": {"key": 3}}, "security": [{"key": []}]},
        {"security": [7]},
    ],
    ids=range(7),
)
def test_parts_around_the_operations_may_have_any_type(tmp_path: Path, more: dict[str, Any]) -> None:
    path = tmp_path / "api.json"
    path.write_text(json.dumps(document({"operationId": "other", "security": []}, **more)))
    assert "other" in [tool.name for tool in read_openapi(path).tools]


def test_operations_that_are_not_in_the_path_itself_are_read(tmp_path: Path) -> None:
    path = tmp_path / "api.yaml"
    path.write_text(
        "openapi: 3.1.0\n"
        "x-all: &all {security: [], x-toolmark-effects: pure, summary: All}\n"
        "paths:\n"
        "  /a: {$ref: '#/components/pathItems/A', delete: {operationId: own}}\n"
        "  /b: {get: {<<: *all, operationId: merged, summary: Own}}\n"
        "  x-hidden: true\n"
        "components: {pathItems: {A: {get: {operationId: referenced}}}}\n"
        "x-comparisons: [=, <, <=, <<]\n"
    )
    assert not read_openapi(path).notes
    tools = {tool.name: tool for tool in read_openapi(path).tools}
    assert tools.keys() == {"referenced", "own", "merged"}
    assert (tools["merged"].effects, tools["merged"].description) == ("pure", "Own")


@pytest.mark.parametrize(
    ("kinds", "arguments", "noted"),
    [
        (["application/xml", "application/JSON; charset=utf-8"], {"a"}, False),
        (["*/*"], {"a"}, False),
        (["application/*"], {"a"}, False),
        (["application/json-seq", "multipart/form-data"], set(), True),
    ],
)
def test_a_body_that_cannot_be_sent_is_noted(
    tmp_path: Path, kinds: list[str], arguments: set[str], noted: bool
) -> None:
    path = tmp_path / "api.json"
    content = {kind: {"schema": {"properties": {"a": TEXT}}} for kind in kinds}
    path.write_text(json.dumps(document({"operationId": "post", "requestBody": {"content": content}})))
    read = read_openapi(path)
    assert read.tools[1].parameters["properties"].keys() == arguments
    assert [note.fix for note in read.notes] == ["The tool has no arguments for the body."] * noted


def test_an_address_with_a_variable_that_has_no_value_is_not_called(tmp_path: Path) -> None:
    path = tmp_path / "api.json"
    variables = {"port": {"default": 443}, "id": {"enum": ["x"]}}
    for url, address in (("https://e.org:{port}", "https://e.org:443/ping"), ("https://{id}.e.org", None)):
        path.write_text(json.dumps(document(GOOD, servers=[{"url": url, "variables": variables}])))
        assert read_operations(path)["ping"].url == address


def test_a_large_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "api.json"
    path.write_text(json.dumps(document(GOOD, **{"x-many": [[]] * 250_000})))
    assert read_openapi(path).tools[0].name == "ping"


def test_the_schemas_of_all_tools_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolmark.benchmark.tools.sources.openapi._MAX_SCHEMAS", 10)
    path = tmp_path / "api.json"
    schemas = {f"S{n}": {"properties": {"next": {"$ref": f"#/components/schemas/S{(n + 1) % 4}"}}} for n in range(4)}
    operation = body({"properties": {"a": {"$ref": "#/components/schemas/S0"}}})
    path.write_text(json.dumps(document(operation, components={"schemas": schemas})))
    read = read_openapi(path)
    assert [tool.name for tool in read.tools] == ["ping"]
    assert "with the arguments of bad, the tools have more than 10 schemas" in read.notes[0].what


def test_a_file_of_swagger_2_says_how_to_convert_it(tmp_path: Path) -> None:
    path = tmp_path / "api.json"
    path.write_text('{"swagger": "2.0", "paths": {}}')
    with pytest.raises(InputError, match=r"npx swagger2openapi .*api.json --outfile openapi.yaml"):
        read_source(path)


def test_a_file_without_a_good_operation_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "api.json"
    path.write_text(json.dumps({"openapi": "3.0.0", "paths": {"/a": {"get": 1, "put": query(schema=3)}, "/b": 5}}))
    with pytest.raises(InputError) as caught:
        read_openapi(path)
    for reason in ("get must be a mapping", "schema must be a mapping", "/b must be a mapping"):
        assert reason in str(caught.value)


def test_a_long_name_is_shortened_and_stays_the_same(tmp_path: Path) -> None:
    path = tmp_path / "api.json"
    names = ["x" * 70 + "_a", "x" * 70 + "_b"]
    path.write_text(json.dumps({"openapi": "3.0.0", "paths": {f"/{n}": {"get": {"operationId": n}} for n in names}}))
    read = read_openapi(path)
    short = [tool.name for tool in read.tools]
    assert len(set(short)) == 2
    assert all(len(name) <= 64 for name in short)
    assert [note.fix for note in read.notes] == [f"The tool is called {name}." for name in short]
    assert list(read_operations(path)) == short


def test_a_tool_of_no_use_is_not_offered_and_a_file_of_such_tools_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "tools.yaml"
    bad = "- {name: a b, description: A.}\n- {name: c, description: ''}\n- {name: d, parameters: 3}\n"
    path.write_text(bad + "- {name: good, description: Is good.}\n")
    toolbox, warnings = _toolbox_of(str(path))
    assert toolbox.names == ("good",)
    assert [place for line in warnings for place in [line.split(": ")[0]]] == [f"{path}:{line}" for line in (3, 1, 2)]
    path.write_text(bad)
    with pytest.raises(InputError, match="no dialect can write the name 'a b'"):
        _toolbox_of(str(path))


MCP = """
import json, sys
tools = json.loads(sys.argv[1])
for line in sys.stdin:
    asked = json.loads(line)
    if asked.get("method") == "initialize":
        about = {"capabilities": {"tools": {}}, "serverInfo": {"name": "t", "version": "1"}}
        result = {"protocolVersion": asked["params"]["protocolVersion"], **about}
    elif asked.get("method") == "tools/list":
        result = {"tools": tools}
    elif "id" in asked:
        result = {}
    else:
        continue
    print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)
"""


def test_bad_tools_of_a_server_are_left_out(tmp_path: Path) -> None:
    pytest.importorskip("mcp")
    script = tmp_path / "server.py"
    script.write_text(MCP)
    schema = {"type": "object", "properties": {"a": TEXT}}
    bad = [
        {"name": "no_schema"},
        {"name": "null_properties", "inputSchema": {"type": "object", "properties": None}},
        {"name": "look", "inputSchema": {"type": "object", "properties": {"a": {"pattern": "(?<!a)"}}}},
        {"name": 5, "inputSchema": schema},
        {"name": "a:b", "inputSchema": schema},
        {"name": "list", "inputSchema": {"type": "array"}},
        {"name": "good", "inputSchema": schema},
        "words",
    ]
    tools = [{"name": "good", "description": "Is good.", "inputSchema": schema}, *bad]
    read = read_source("mcp:" + shlex.join([sys.executable, str(script), json.dumps(tools)]))
    assert [tool.name for tool in read.tools] == ["good"]
    assert len(read.notes) == len(bad)
    with pytest.raises(InputError, match="not a valid JSON Schema"):
        read_source("mcp:" + shlex.join([sys.executable, str(script), json.dumps(bad[1:3])]))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("!!int abc", "'abc' is not a value of the type int"),
        ("!!float abc", "not a value of the type float"),
        ("!!bool maybe", "not a value of the type bool"),
        ("!!null x", "not a value of the type null"),
        ("!!binary aGk=", "the tag tag:yaml.org,2002:binary is not allowed"),
        ("!!set {a}", "tag"),
        (".inf", "not a value of the type float"),
        ("9" * 5_000, "not a value of the type int"),
        ("0x" + "f" * 5_000, "not a value of the type int"),
        ('"\\ud800"', "invalid YAML"),
        ("*nowhere", "no value with the anchor"),
        ("[" * 100 + "]" * 100, "64 levels"),
        ("[" * 100_000, "tools.yaml:2: "),
    ],
    ids=range(13),
)
def test_values_that_json_does_not_have(tmp_path: Path, value: str, reason: str) -> None:
    path = tmp_path / "tools.yaml"
    path.write_text(f"- name: a\n  parameters: {{properties: {{x: {{default: {value}}}}}}}\n")
    with pytest.raises(InputError) as caught:
        read_tools_file(path)
    assert reason in str(caught.value)
    assert len(str(caught.value)) < 1_000


def test_characters_in_two_escapes_are_read_as_in_json(tmp_path: Path) -> None:
    path = tmp_path / "tools.json"
    path.write_text(json.dumps([{"name": "a", "description": 'Sends \U0001f600 and \\ud83d"'}]))
    (tool,) = read_tools_file(path).tools
    assert tool.description == 'Sends \U0001f600 and \\ud83d"'


def test_a_long_enum_takes_linear_time(tmp_path: Path) -> None:
    """With a time that grows with the square of the enum, this test would take minutes."""
    path = tmp_path / "tools.json"
    values = [f"value {number}" for number in range(50_000)]
    parameters = {"type": "object", "properties": {"x": {"type": "string", "enum": values, "default": values[-1]}}}
    path.write_text(json.dumps([{"name": "a", "description": "A.", "parameters": parameters}]))
    toolbox, _ = _toolbox_of(str(path))
    assert toolbox.tools[0].parameters == parameters


def test_deep_nesting_takes_linear_time(tmp_path: Path) -> None:
    path = tmp_path / "tools.json"

    def read(text: str) -> None:
        path.write_text(text)
        with pytest.raises(InputError, match="64 levels"):
            read_source(path)

    assert is_nearly_linear(read, '{"tools": ' + "[" * 100_000)


def test_an_error_gives_the_first_ten_reasons(tmp_path: Path) -> None:
    path = tmp_path / "tools.yaml"
    path.write_text("- 7\n" * 50)
    with pytest.raises(InputError) as caught:
        read_tools_file(path)
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[0] for line in lines] == [f"{path}:{number}" for number in range(1, 11)]
    assert lines[-1].endswith(" In total, 50 parts are wrong.")
