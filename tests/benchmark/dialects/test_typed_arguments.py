"""The schema of the tool tells the type of an argument that is written as plain text."""

from __future__ import annotations

from typing import Any

import pytest

from toolmark.benchmark.core.registry import load
from toolmark.benchmark.data.cases import Call, Message, Tool
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.dialects.typed_arguments import typed

STRING, INTEGER, NUMBER, BOOLEAN = ({"type": kind} for kind in ("string", "integer", "number", "boolean"))
LIST, OBJECT, NULL = {"type": "array", "items": STRING}, {"type": "object"}, {"type": "null"}


def either(*schemas: dict[str, Any], keyword: str = "anyOf") -> dict[str, Any]:
    return {keyword: list(schemas)}


def read(dialect: str, schema: dict[str, Any], written: Any) -> Any:
    """The value of an argument that the dialect writes as it writes `written`."""
    reader = load("toolmark.dialects", dialect)()
    tool = Tool(name="f", parameters={"type": "object", "properties": {"x": schema}, "$defs": {"n": INTEGER}})
    call = Call(name="f", arguments={"x": written})
    turns = (Message(role="user", content="?"), Message(role="assistant", tool_calls=(call,)))
    completion = Completion(reader.render(turns, (tool,)).messages[-1].content)
    strict = typed(reader.parse(completion, strict=True), (tool,))
    assert strict.error is None
    (found,) = strict.calls
    return found.arguments["x"]


@pytest.mark.parametrize("dialect", ["qwen_xml", "glm"])
@pytest.mark.parametrize(
    ("schema", "written", "value"),
    [
        (either(STRING, LIST), ["a", "b"], ["a", "b"]),
        (either(STRING, LIST, keyword="oneOf"), [], []),
        ({"type": ["string", "object"]}, {"k": 1}, {"k": 1}),
        (either(STRING, INTEGER), 5, 5),
        (either(STRING, {"$ref": "#/$defs/n"}), 5, 5),
        (either(STRING, NUMBER), 5, 5),
        (either(STRING, NUMBER), 0.5, 0.5),
        (either(STRING, BOOLEAN), True, True),
        (either(STRING, BOOLEAN), "True", True),
        (either(STRING, BOOLEAN, NULL), None, None),
        ({"enum": ["auto", 5]}, 5, 5),
        (either(STRING, LIST), "a", "a"),
        (either(STRING, LIST), "[a", "[a"),
        (either(STRING, LIST), "5", "5"),
        (either(STRING, LIST), '"a"', '"a"'),
        (either(STRING, INTEGER), "0.5", "0.5"),
        (either(STRING, INTEGER), "five", "five"),
        (either(STRING, INTEGER), "null", "null"),
        (either(STRING, INTEGER), "NaN", "NaN"),
        (either(STRING, BOOLEAN), "1", "1"),
        (either(STRING, NULL), "5", "5"),
        (either(STRING, NULL), None, None),
        ({"enum": ["5", "6"]}, "5", "5"),
        (LIST, "['a', \"b's\"]", ["a", "b's"]),
        (OBJECT, "{'k': [True, None, 1.5]}", {"k": [True, None, 1.5]}),
        (either(STRING, LIST), "['a']", ["a"]),
        (either(STRING, LIST), "{'a': 1}", "{'a': 1}"),
        (LIST, "['a'] and", "['a'] and"),
        (LIST, "[x for x in y]", "[x for x in y]"),
        (OBJECT, "{'k': 1, 'k': 2}", "{'k': 1, 'k': 2}"),
        (STRING, '["a"]', '["a"]'),
        (STRING, "['a']", "['a']"),
        (STRING, "True", "True"),
        (INTEGER, 5, 5),
        (INTEGER, "True", "True"),
        ({}, 5, 5),
        ({}, None, None),
    ],
)
def test_a_text_has_a_type_of_its_schema(dialect: str, schema: dict[str, Any], written: Any, value: Any) -> None:
    found = read(dialect, schema, written)
    assert (found, type(found)) == (value, type(value))
