"""A user's own tools: from Python, from YAML, and by toolbox name. Each mistake has its file, line and fix."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.tools.catalog import catalog
from toolmark.benchmark.tools.json_pointer import resolved
from toolmark.benchmark.tools.sandbox import Sandbox
from toolmark.benchmark.tools.schemas import problems, validator_of
from toolmark.benchmark.tools.sources.openapi import is_openapi
from toolmark.benchmark.tools.sources.python import tools_from_python
from toolmark.benchmark.tools.sources.tools_yaml import read_tools_file
from toolmark.benchmark.tools.toolbox_names import ToolboxNames, read_source
from toolmark.generators.template.schema.described_tool import DescribedTool

SHOP = '''
from __future__ import annotations
import datetime
from json import dumps
from typing import Annotated, Literal
from pydantic import BaseModel, Field
from toolmark.benchmark.tools.effects import effects


class Line(BaseModel):
    title: str
    count: Annotated[int, Field(gt=0)]


@effects("pure")
def order(title: str, lines: list[Line], day: datetime.date, size: Literal["s", "l"] = "s") -> str:
    """Place an order.

    It may have
    several lines.

    Args:
        title: What the order
            is called.
        day: When.
    """
    return f"{title}: {lines[0].count} on {day:%d.%m.} {size}"


def cancel(number: Annotated[int, Field(description="Which order.")]) -> None:
    """Cancel an order."""


def _hidden():
    pass
'''


def test_signature_and_docstring_become_the_tool(tmp_path):
    path = tmp_path / "shop.py"
    path.write_text(SHOP)
    order, cancel = tools_from_python(path)
    assert (order.name, order.effects, order.run) == ("order", "pure", f"{path}:order")
    assert (cancel.effects, order.description) == ("write", "Place an order. It may have several lines.")
    properties = order.parameters["properties"]
    assert properties["title"] == {"type": "string", "description": "What the order is called."}
    assert properties["day"] == {"type": "string", "format": "date", "description": "When."}
    assert properties["size"] == {"type": "string", "enum": ["s", "l"], "default": "s"}
    assert order.parameters["required"] == ["title", "lines", "day"]
    assert list(order.parameters["$defs"]["Line"]["properties"]) == ["title", "count"]
    assert cancel.parameters["properties"]["number"]["description"] == "Which order."
    arguments = {"title": "A", "lines": [{"title": "x", "count": 2}], "day": "2025-01-31"}
    with Sandbox() as sandbox:
        assert sandbox.run(order, arguments).value == "A: 2 on 31.01. s"
        assert sandbox.run(order, arguments | {"lines": [{"title": "x", "count": 0}]}).kind == "error"


def test_a_decimal_argument_is_a_number(tmp_path):
    path = tmp_path / "tax.py"
    path.write_text(
        "from decimal import Decimal as D\nfrom typing import Annotated\nfrom pydantic import Field\n"
        "def tax(price: Annotated[D, Field(ge=0)], rate: D = D('0.5'), extra: D = D(3)):\n"
        '    """Compute the tax of a price."""\n'
        "    return price * rate\n"
    )
    (tax,) = tools_from_python(path)
    assert tax.parameters["properties"] == {
        "price": {"type": "number", "minimum": 0.0},
        "rate": {"type": "number", "default": 0.5},
        "extra": {"type": "number", "default": 3},
    }
    with Sandbox() as sandbox:
        assert sandbox.run(tax, {"price": 1.1}).value == "0.55"
        assert sandbox.run(tax, {"price": "cheap"}).kind == "error"


def test_a_module_is_read_by_its_dotted_name():
    (first, *_) = tools_from_python("toolmark.benchmark.tools.catalog.planning")
    assert (first.run, first.effects) == ("toolmark.benchmark.tools.catalog.planning:create_event", "write")


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("def f(:\n    pass\n", 1, "invalid syntax"),
        ("import json\nimport no_such_module\n", 2, "no_such_module"),
        ("x = 1\n\n1 / 0\n", 3, "ZeroDivisionError"),
        ('\ndef f(a):\n    """F."""\n', 2, "argument a has no type"),
        ("\ndef f(a: int):\n    pass\n", 2, "f has no docstring"),
        ('def f(*a: int):\n    """F."""\n', 1, r"takes \*a"),
        ('def f(**a: int):\n    """F."""\n', 1, r"takes \*\*a"),
        ('def f(a: int, /):\n    """F."""\n', 1, "positional only"),
        ('async def f(a: int):\n    """F."""\n', 1, "async"),
        ('def f(a: "Nope"):\n    """F."""\n', 1, "no JSON Schema"),
        ('class C:\n    pass\n\ndef f(a: C):\n    """F."""\n', 4, "no JSON Schema"),
        ('def f():\n    """F."""\n\ndef f():\n    """F."""\n', 4, "already defined on line 1"),
    ],
)
def test_python_mistakes_have_file_line_and_fix(tmp_path, text, line, what):
    path = tmp_path / "broken.py"
    path.write_text(text)
    with pytest.raises(InputError, match=what) as caught:
        tools_from_python(path)
    assert caught.value.what.startswith(f"{path}:{line}: ")
    assert caught.value.fix


def test_a_function_that_cannot_be_a_tool_is_left_out_with_a_note(tmp_path):
    path = tmp_path / "mixed.py"
    path.write_text(
        "from typing import Callable\n"
        'def on_error(f: Callable[[int], int]):\n    """Call."""\n'
        'def many(*a: int):\n    """Take many."""\n'
        'def options(**a: int):\n    """Take options."""\n'
        'def untyped(a):\n    """Take anything."""\n'
        "def silent(a: int):\n    pass\n"
        'async def later(a: int):\n    """Wait."""\n'
        'def unknown(a: "Callable.nope"):\n    """Take."""\n'
        'def odd(a: "not a type"):\n    """Take."""\n'
        'def twice(a: int):\n    """Do."""\n'
        'def twice(a: str):\n    """Do."""\n'
        'def good(a: int):\n    """Is good."""\n'
    )
    read = read_source(path)
    assert [tool.name for tool in read.tools] == ["good"]
    assert [note.place for note in read.notes] == [f"{path}:{line}" for line in (2, 4, 6, 8, 10, 12, 14, 16, 20)]
    for note, what in zip(
        read.notes,
        [
            "no JSON Schema",
            "takes *a",
            "takes **a",
            "no type",
            "no docstring",
            "async",
            "no JSON",
            "no JSON",
            "defined on",
        ],
        strict=True,
    ):
        assert what in note.what
        assert note.fix.startswith("It is not offered as a tool. ")
    with pytest.raises(InputError, match=r"mixed.py:2: the arguments of on_error have no JSON Schema"):
        tools_from_python(path)
    only_bad = tmp_path / "only_bad.py"
    only_bad.write_text("def silent(a: int):\n    pass\ndef untyped(a):\n    pass\n")
    with pytest.raises(InputError, match=r"(?s):1: silent has no docstring.*:3: untyped: argument a has no type"):
        read_source(only_bad)


@pytest.mark.parametrize(("source", "what"), [("nope.py", "no file nope.py"), ("no.such", "no module no.such")])
def test_missing_python_sources_are_named(source, what):
    with pytest.raises(InputError, match=what):
        tools_from_python(source)


def test_a_missing_module_whose_file_is_here_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "mine.py").write_text("")
    with pytest.raises(InputError, match=r"no module pkg\.mine\. Give the path of the file: pkg/mine\.py"):
        tools_from_python("pkg.mine")


NOTES = '''
from typing import Annotated, Literal, Optional
from pydantic import Field

City = Annotated[str, "Name of the city"]


def look(
    city: City,
    unit: Annotated[Literal["c", "f"], "Unit of temperature"] = "c",
    note: Optional[Annotated[str, "What to add"]] = None,
    day: Annotated[str, Field(description="Which day"), "not this"] = "today",
    plain: Annotated[str, 5] = "",
) -> str:
    """Look up the weather.

    Args:
        city: Somewhere.
        plain: From the docstring.
    """
'''


NESTED = '''
from __future__ import annotations
from dataclasses import dataclass
from typing import Annotated, Optional
from typing_extensions import TypedDict

Text = Annotated[str, "the text"]


@dataclass
class Place:
    name: Text
    inside: Optional[Place] = None


class Day(TypedDict):
    words: list[Text]


def look(places: Annotated[list[Place], "where"], day: Day, notes: dict[str, Text] | None = None) -> str:
    """Look."""
'''


def test_the_texts_of_inner_annotations_describe_the_inner_values(tmp_path):
    path = tmp_path / "nested.py"
    path.write_text(NESTED)
    (look,) = tools_from_python(path)
    shown, inner = look.parameters["properties"], look.parameters["$defs"]
    assert shown["places"]["description"] == "where"
    assert inner["Place"]["properties"]["name"] == {"type": "string", "description": "the text"}
    assert inner["Day"]["properties"]["words"]["items"] == {"type": "string", "description": "the text"}
    assert shown["notes"]["anyOf"][0]["additionalProperties"] == {"type": "string", "description": "the text"}
    assert "description" not in shown["notes"]


def test_the_text_of_an_annotation_describes_the_argument(tmp_path):
    path = tmp_path / "notes.py"
    path.write_text(NOTES)
    (look,) = tools_from_python(path)
    assert {name: shown["description"] for name, shown in look.parameters["properties"].items()} == {
        "city": "Name of the city",
        "unit": "Unit of temperature",
        "note": "What to add",
        "day": "Which day",
        "plain": "From the docstring.",
    }


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
        '{"functions": [{"name": "f", "parameters": {"type": "object"}}]}',
        '{"model": "m", "messages": [], "tools": [{"name": "f", "input_schema": {"type": "object"}}]}',
        '{"jsonrpc": "2.0", "id": 1, "result": {"tools": [{"name": "f", "title": "F", "inputSchema": {}}]}}',
    ],
    ids=range(8),
)
def test_tools_in_the_forms_of_clients_and_with_a_byte_order_mark(tmp_path, text):
    path = tmp_path / "tools.json"
    path.write_text(text, encoding="utf-8")
    assert not is_openapi(path) or text.startswith(("- ", "\ufeff- "))
    (tool,) = read_tools_file(path).tools
    assert (tool.name, tool.parameters) == ("f", {"type": "object"})


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
        (BOMB, 7, "more than 200000 values"),
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


def test_a_python_source_is_a_toolbox_under_its_stem(tmp_path):
    (tmp_path / "shop.py").write_text(SHOP)
    assert ToolboxNames(source=str(tmp_path / "shop.py")).resolve("shop").names == ("order", "cancel")
    assert ToolboxNames(source="toolmark.benchmark.tools.catalog.lists").resolve("lists").names[0] == "reverse_list"


def test_unknown_names_show_the_nearest(tmp_path):
    with pytest.raises(InputError, match=r"no toolbox 'catalogue'.*Did you mean catalog"):
        ToolboxNames().resolve("catalogue")
    path = tmp_path / "tools.yaml"
    path.write_text("toolboxes:\n  one: [calculater]\n")
    with pytest.raises(InputError, match=r"'calculater'.*calculator"):
        ToolboxNames(Path(tmp_path / "cases.jsonl")).resolve("one")
