"""A toolbox, cases with this toolbox, and possible answers of a model."""

from __future__ import annotations

import json
from typing import Any

import pytest

from toolmark.benchmark.core.registry import load, names
from toolmark.benchmark.data.cases import Case, Tool, Toolbox
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.scoring.execution import Executor
from toolmark.benchmark.scoring.grades import Grade, grade
from toolmark.benchmark.tools.catalog import catalog

DIALECTS: list[Dialect] = [load("toolmark.dialects", name)() for name in names("toolmark.dialects")]
EVERY = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
HUGE = 10**4000
NESTED: Any = "x"
for _ in range(60):
    NESTED = [NESTED]

OBJECT = {"type": "object", "additionalProperties": False}
BOOK = Tool(
    name="book",
    parameters={
        **OBJECT,
        "properties": {
            "city": {"type": "string", "enum": ["Rome", "Oslo"]},
            "nights": {"type": "integer", "minimum": 1, "maximum": 30},
            "code": {"type": "string", "pattern": "^[A-Z]{2}$"},
            "day": {"type": "string", "format": "date"},
            "view": {"type": "boolean", "default": False},
        },
        "required": ["city"],
    },
)
TOOLBOX = Toolbox(
    name="test",
    tools=(
        BOOK,
        Tool(name="cancel", parameters={**OBJECT, "properties": {}}),
        Tool(name="math.square", parameters={**OBJECT, "properties": {"x": {"type": "number"}}, "required": ["x"]}),
        *(catalog()[name] for name in ("calculator", "filter_list", "convert_bases")),
    ),
)


def case(expect: dict[str, Any], *, messages: list[dict[str, Any]] | None = None, **more: Any) -> Case:
    return Case.model_validate(
        {
            "messages": messages or [{"role": "user", "content": "?"}],
            "toolbox": TOOLBOX,
            "expect": expect,
            "source": {"name": "test", "ref": "1"},
            "licence": "none",
            **more,
        }
    )


def calling(*calls: dict[str, Any], more: tuple[dict[str, Any], ...] = (), **option: Any) -> Case:
    return case({"action": "call", "any_of": [{"calls": list(calls), **option}, *more]})


def gold(name: str, /, **arguments: Any) -> dict[str, Any]:
    return {"name": name, "arguments": arguments}


ABSTAIN = case({"action": "abstain", "reason": "no_tool_needed"})
ROME = calling(gold("book", city=["Rome"]))


def said(*calls: tuple[str, dict[str, Any]], stop: Any = "stop") -> Completion:
    text = "\n".join(
        f"<tool_call>{json.dumps({'tool_name': name, 'args': arguments})}</tool_call>" for name, arguments in calls
    )
    return Completion(text, stop_reason=stop)


def judged(
    asked: Case, *calls: tuple[str, dict[str, Any]], executor: Executor | None = None, dialect: Dialect | None = None
) -> Grade:
    return grade(asked, said(*calls), dialect or Tagged(), executor)


ROME_TWO = calling({**gold("book", city=["Rome"], nights=[2], code=["AB"]), "optional": ["code"]})
ANY_ORDER = calling(gold("book", city=["Rome"]), gold("book", city=["Oslo"], nights=[3]), gold("cancel"))
IN_ORDER = calling(gold("cancel"), gold("book", city=["Rome"]), order="given")
DOTTED = calling(gold("math.square", x=[3]), names="dot_underscore")
UNDERSCORED = calling(gold("math_square", x=[3]), names="dot_underscore")
EITHER = calling(gold("cancel"), more=({"calls": [gold("book", city=["Oslo"])]},))
CONDITION = calling(
    gold("filter_list", items=[[1, 2, 3]], condition={"match": "same_result", "of": ["x > 1", "x < 2"]})
)
FLOATS = calling(gold("calculator", expression={"match": "same_result", "of": ["0.1 * 3"]}))

RIGHT = [
    (ROME, [("book", {"city": "Rome"})]),
    (ROME, [("book", {"city": "Rome", "view": False})]),  # the schema's default
    (ROME_TWO, [("book", {"city": "Rome", "nights": 2})]),
    (ROME_TWO, [("book", {"city": "Rome", "nights": 2.0, "code": "AB"})]),
    (ANY_ORDER, [("cancel", {}), ("book", {"city": "Oslo", "nights": 3}), ("book", {"city": "Rome"})]),
    (IN_ORDER, [("cancel", {}), ("book", {"city": "Rome"})]),
    (DOTTED, [("math.square", {"x": 3})]),
    (DOTTED, [("math_square", {"x": 3})]),
    (UNDERSCORED, [("math.square", {"x": 3})]),
    (EITHER, [("cancel", {})]),
    (EITHER, [("book", {"city": "Oslo"})]),
    (CONDITION, [("filter_list", {"items": [1, 2, 3], "condition": "x >= 2"})]),
    (CONDITION, [("filter_list", {"items": [1, 2, 3], "condition": "x == 1"})]),  # the second accepted value's result
    (FLOATS, [("calculator", {"expression": "0.3"})]),
    (FLOATS, [("calculator", {"expression": "3 / 10"})]),
]
