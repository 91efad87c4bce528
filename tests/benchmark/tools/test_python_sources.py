"""Tools from Python: signatures and annotations. Each mistake has its file, line and fix."""

from __future__ import annotations

import pytest

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.tools.sandbox import Sandbox
from toolmark.benchmark.tools.sources.python import tools_from_python
from toolmark.benchmark.tools.toolbox_names import ToolboxNames, read_source

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
        ("import sys\n\nsys.exit(2)\n", 3, "SystemExit: 2. The module ends Python"),
        ("x = 1\0\n", 1, "null bytes"),
        ('def f(a: float = float("nan")):\n    """F."""\n', 1, "no JSON Schema: NaN is not JSON"),
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


def test_a_python_source_is_a_toolbox_under_its_stem(tmp_path):
    (tmp_path / "shop.py").write_text(SHOP)
    assert ToolboxNames(source=str(tmp_path / "shop.py")).resolve("shop").names == ("order", "cancel")
    assert ToolboxNames(source="toolmark.benchmark.tools.catalog.lists").resolve("lists").names[0] == "reverse_list"
