"""Tests every outcome and every cause of failure of the judge, with right and wrong answers."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from tests.benchmark.scoring.asking import (
    ABSTAIN,
    ANY_ORDER,
    CONDITION,
    EVERY,
    FLOATS,
    HUGE,
    IN_ORDER,
    NESTED,
    RIGHT,
    ROME,
    ROME_TWO,
    calling,
    gold,
    judged,
    said,
)
from toolmark.benchmark.data.cases import Case, ExpectCall
from toolmark.benchmark.data.completions import Completion, RawCall
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.scoring.causes import Cause
from toolmark.benchmark.scoring.execution import Executor
from toolmark.benchmark.scoring.grades import grade
from toolmark.benchmark.scoring.metrics import METRICS


@pytest.mark.parametrize(("asked", "calls"), RIGHT)
def test_right_calls(asked: Case, calls: list[tuple[str, dict[str, Any]]], executor: Executor) -> None:
    found = judged(asked, *calls, executor=executor)
    assert (found.cause, found.detail) == (None, "")
    assert found.correct
    assert found.correct_leniently
    assert found.selected
    assert found.schema_valid


BASES = calling(gold("convert_bases", number=["zz"], from_base=[10], to_base=[2]))

WRONG = [
    # cause, case, completion
    ("over_call", ABSTAIN, said(("cancel", {}))),
    ("over_call", ABSTAIN, said(("nobody_offers_this", {}))),
    ("no_call", ROME, Completion("I cannot book.")),
    ("truncated", ROME, Completion('<tool_call>{"tool_name": "book", "args": {"ci', stop_reason="length")),
    ("truncated", ABSTAIN, Completion("<think>Let me think about", stop_reason="length")),
    ("unparseable", ROME, Completion('<tool_call>{"tool_name": book}</tool_call> I look. I', stop_reason="length")),
    ("foreign_format", ROME, Completion('{"name": "book", "arguments": {}}\n', stop_reason="length")),
    ("unparseable", ROME, Completion('<tool_call>{"tool_name": "book", "args": {"ci')),
    ("unparseable", ROME, Completion("")),
    ("unparseable", ABSTAIN, Completion(" \n")),
    ("unparseable", ABSTAIN, Completion("<think>hm</think>")),
    ("unparseable", ABSTAIN, Completion("<tool_call>none</tool_call>")),
    ("foreign_format", ABSTAIN, Completion('```json\n{"name": "cancel", "arguments": {}}\n```')),
    ("foreign_format", ABSTAIN, Completion("```tool_code\nprint(cancel())\n```")),
    ("unparseable", ABSTAIN, Completion("", (RawCall("cancel", "{}"),))),
    ("unparseable", ABSTAIN, Completion("x" * (2 << 20))),
    ("unknown_tool", ROME, said(("Book", {"city": "Rome"}))),
    ("unknown_tool", calling(gold("math.square", x=[3])), said(("math_square", {"x": 3}))),
    ("wrong_count", ROME, said(("book", {"city": "Rome"}), ("book", {"city": "Rome"}))),
    ("wrong_tool", ROME, said(("cancel", {}))),
    ("missing_argument", ROME_TWO, said(("book", {"city": "Rome"}))),
    ("missing_argument", ROME, said(("book", {}))),
    ("extra_argument", ROME, said(("book", {"city": "Rome", "town": "Rome"}))),
    ("invalid_argument", ROME, said(("book", {"city": "Paris"}))),
    ("invalid_argument", ROME_TWO, said(("book", {"city": "Rome", "nights": 31}))),
    ("invalid_argument", ROME_TWO, said(("book", {"city": "Rome", "nights": 2.5}))),
    ("invalid_argument", ROME_TWO, said(("book", {"city": "Rome", "nights": True}))),
    ("invalid_argument", ROME_TWO, said(("book", {"city": "Rome", "nights": "2"}))),
    ("invalid_argument", ROME_TWO, said(("book", {"city": "Rome", "nights": 2, "code": "abc"}))),
    ("invalid_argument", ROME, said(("book", {"city": "Rome", "day": "2026-02-30"}))),
    ("invalid_argument", ROME, said(("book", {"city": None}))),
    ("wrong_value", ROME, said(("book", {"city": "Oslo"}))),
    (
        "wrong_value",
        ROME,
        said(("book", {"city": "Rome", "nights": 1})),
    ),  # not expected, and no default
    ("wrong_value", ROME, said(("book", {"city": "Rome", "view": True}))),
    ("wrong_value", CONDITION, said(("filter_list", {"items": [1, 2, 3], "condition": "x > 0"}))),
    ("wrong_value", CONDITION, said(("filter_list", {"items": [1, 2], "condition": "x > 1"}))),
    (
        "wrong_value",
        ANY_ORDER,
        said(("cancel", {}), ("book", {"city": "Oslo"}), ("book", {"city": "Rome", "nights": 3})),
    ),
    ("wrong_order", IN_ORDER, said(("book", {"city": "Rome"}), ("cancel", {}))),
    ("execution_error", BASES, said(("convert_bases", {"number": "zz", "from_base": 10, "to_base": 2}))),
    ("format", ROME, Completion(said(("book", {"city": "Rome"})).text + "\nDone.")),
    (
        "format",
        ROME,
        Completion('<tool_call>{"tool_name": "book", "args": {"city": "Oslo", "city": "Rome"}}</tool_call>'),
    ),
]


@pytest.mark.parametrize(
    ("cause", "asked", "completion"), [pytest.param(*row, id=f"{row[0]}-{i}") for i, row in enumerate(WRONG)]
)
def test_causes(cause: str, asked: Case, completion: Completion, executor: Executor) -> None:
    found = grade(asked, completion, Tagged(), executor)
    assert found.cause == cause
    assert not found.correct
    assert found.correct_leniently == (cause == "format")
    if asked.expect.action == "abstain":
        assert METRICS["timing.restraint"].of(found) == 0


def test_every_cause_is_reached() -> None:
    """The causes after `format` are those of conversations."""
    assert {cause for cause, _, _ in WRONG} == {cause for cause in Cause if cause.rank <= Cause.FORMAT.rank}


@EVERY
@pytest.mark.parametrize(
    "text", ["No tool is needed.", "I would not cancel (anything).", "{curly} [square]", '{"answer": 5}']
)
def test_plain_answers_are_abstentions(dialect: Dialect, text: str) -> None:
    assert grade(ABSTAIN, Completion(text), dialect).outcome == "abstain"


HOSTILE = [
    "x" * 100_000,
    "__import__('os').system('true')",
    "9**9**9**9",
    "[x for x in range(10**9)]",
    "\ud800",
    math.nan,
    math.inf,
    HUGE,
    NESTED,
    {"a": {"b": None}},
    None,
    True,
]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: f"{value!a:.25}")
@pytest.mark.parametrize("asked", [CONDITION, FLOATS], ids=["condition", "expression"])
def test_hostile_arguments_are_wrong_and_harm_nothing(asked: Case, value: Any, executor: Executor) -> None:
    assert isinstance(asked.expect, ExpectCall)
    spec = asked.expect.any_of[0].calls[0]
    argument = list(spec.arguments)[-1]
    arguments = {name: accept.of[0] for name, accept in spec.arguments.items()} | {argument: value}
    found = judged(asked, (spec.name, arguments), executor=executor)
    assert not found.correct_leniently
    assert found.selected
    json.dumps(found.as_json(), ensure_ascii=False).encode()


def test_names_and_details_fit_a_log() -> None:
    text = '<tool_call>{"tool_name": "\\ud800' + "n" * 10_000 + '", "args": {"\\udfff": 1}}</tool_call>'
    for asked in (ROME, ABSTAIN):
        found = grade(asked, Completion(text), Tagged())
        assert len(json.dumps(found.as_json(), ensure_ascii=False).encode()) < 3_000
        assert found.called[0].startswith("\\ud800n")


def test_a_call_that_fails_ends_the_run_of_its_completion(executor: Executor) -> None:
    calls = [("calculator", {"expression": "1 / 0"}), ("calculator", {"expression": "2"})]
    found = judged(FLOATS, *calls, executor=executor)
    assert (found.executed, found.cause) == (False, "wrong_count")
    assert judged(FLOATS, ("calculator", {"expression": "2"}), executor=executor).executed is True
    assert judged(FLOATS, ("calculator", {"expression": "2"})).executed is None
