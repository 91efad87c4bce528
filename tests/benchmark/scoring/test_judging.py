"""Can a wrong answer score? Can a right one fail? Every rule, cause and metric of the judge."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.cases import Accept, Case, ExpectCall, Message, Tool, Toolbox
from benchmark.completions import Completion, RawCall
from benchmark.dialects import Dialect
from benchmark.dialects.json import Json
from benchmark.dialects.tagged import Tagged
from benchmark.readers.selection import load_cases
from benchmark.scoring.answers import uses_result
from benchmark.scoring.execution import Executor
from benchmark.scoring.gold import prove
from benchmark.scoring.grades import CAUSES, Grade, grade
from benchmark.scoring.matching import accepts, equal
from benchmark.scoring.metrics import METRICS, PRIMARY, case_values, metrics_for
from benchmark.tools.catalog import catalog

ROOT = Path(__file__).parents[3]
HUGE = 10**4000


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with Executor() as executor:
        yield executor


def rule(match: str, of: Any = None, **more: Any) -> Accept:
    return Accept.model_validate({"match": match, "of": of, **more})


NESTED: Any = "x"
for _ in range(60):
    NESTED = [NESTED]

RULES = [
    # rule, right values, wrong values
    (
        rule("exact", [3, "Zürich"]),
        [3, 3.0, "Zürich", "Zu\u0308rich", " Zürich\n"],
        ["3", True, 4, None, "zürich", [3], {"3": 3}, HUGE, math.nan, "\ud800", NESTED],
    ),
    (rule("exact", [1]), [1, 1.0], [True, "1", [1]]),
    (rule("exact", [True]), [True], [1, 1.0, "true", False]),
    (rule("exact", [0]), [0, 0.0, -0.0], [False, None, "", []]),
    (rule("exact", ["3"]), ["3"], [3, 3.0]),
    (rule("exact", [None]), [None], [0, "", False, "null"]),
    (rule("exact", ["a b"]), ["a b", "a\u00a0b", " a  b "], ["ab", "a,b"]),
    (rule("exact", [[1, 2]]), [[1, 2], [1.0, 2]], [[2, 1], [1], [1, 2, 3], {"0": 1, "1": 2}, "12"]),
    (
        rule("exact", [{"a": {"b": [1]}}]),
        [{"a": {"b": [1.0]}}],
        [{"a": {"b": 1}}, {"a": {}}, {"a": {"b": [1]}, "c": 2}],
    ),
    (rule("casefold", ["Straße"]), ["STRASSE", " straße "], ["strase", 5, ["Straße"]]),
    (rule("bfcl", ["New York, NY"]), ["newyorkny", "New-York NY"], ["York", 5]),
    (rule("set", [[1, 2, 2]]), [[2, 1, 2], [2.0, 2, 1]], [[1, 2], [1, 1, 2], "122", 5, [[1, 2, 2]], [HUGE, 2, 2]]),
    (
        rule("number", [0.3, 1767225600]),
        [0.3, 0.1 + 0.2, 1767225600.0],
        [1767225601, "0.3", True, HUGE, -HUGE, math.inf, math.nan, None, [0.3]],
    ),
    (rule("number", [0.3], tolerance=0.1), [0.2, 0.4, 0.3], [0.41, HUGE, math.inf, math.nan, "0.3"]),
    (rule("number", [10**400], tolerance=1), [10**400, 10**400 + 1], [10**400 + 2, 1.0, math.inf]),
    (
        rule("date", ["2026-03-05T14:00"]),
        ["2026-03-05T14:00:00", "2026-03-05 14:00", "20260305T1400", " 2026-03-05T14:00 "],
        ["2026-03-05", "2026-03-05T14:00Z", "5 March 2026", "", "\ud800", "9" * 5000, 20260305, None],
    ),
    (rule("date", ["2026-03-05T14:00+01:00"]), ["2026-03-05T13:00Z"], ["2026-03-05T14:00", "0001-01-01T00:00+23:59"]),
    (
        rule("date", ["2026-03-05"]),
        ["2026-03-05", "2026-03-05T00:00", "2026-W10-4"],
        ["2026-05-03", "2026-03-05T01:00"],
    ),
    (rule("contains", ["flat 3B", "heat"]), ["Heating dead in  FLAT 3b"], ["heating", 3, ["flat 3B heat"], None]),
    (rule("nonempty"), ["x", 0, [0]], ["", " \n", None, [], {}]),
    (
        rule("object", {"a": [1], "b": {"match": "casefold", "of": ["x"]}}, optional=["b"]),
        [{"a": 1}, {"a": 1.0, "b": "X"}],
        [{}, {"b": "x"}, {"a": 1, "c": 2}, {"a": True}, {"a": 1, "b": 5}, [["a", 1]], "a", None],
    ),
    (
        rule("list", [[1], {"match": "object", "of": {"k": {"match": "list", "of": [["v"]]}}}]),
        [[1, {"k": ["v"]}]],
        [[1], [{"k": ["v"]}, 1], [1, {"k": "v"}], [1, {"k": ["v"]}, 2], {"k": ["v"]}, "1v"],
    ),
    (rule("same_result", ["2 + 2"]), ["2 + 2", " 2 + 2 "], ["4", 4, None]),  # without a runner: equality
]


@pytest.mark.parametrize(
    ("accept", "value", "expected"),
    [
        pytest.param(accept, value, expected, id=f"{accept.match}-{index}-{value!r:.30}")
        for index, (accept, right, wrong) in enumerate(RULES)
        for values, expected in ((right, True), (wrong, False))
        for value in values
    ],
)
def test_rules(accept: Accept, value: Any, expected: bool) -> None:
    assert accepts(accept, value) is expected


@pytest.mark.parametrize(
    "broken",
    [
        {"match": "contains", "of": [3]},
        {"match": "contains", "of": [" "]},
        {"match": "casefold", "of": [3]},
        {"match": "number", "of": ["3"]},
        {"match": "number", "of": [True]},
        {"match": "set", "of": [3]},
        {"match": "date", "of": ["tomorrow"]},
        {"match": "date", "of": [20260305]},
        {"match": "exact", "of": [3], "tolerance": 1},
        {"match": "exact", "of": [3], "optional": ["a"]},
        {"match": "object", "of": {"a": [1]}, "optional": ["b"]},
        {"match": "exact", "of": []},
        {"match": "nonempty", "of": [1]},
        {"match": "regex", "of": ["a"]},
    ],
    ids=json.dumps,
)
def test_rules_that_could_never_judge_rightly_are_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Accept.model_validate(broken)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(left=JSON_VALUES, right=JSON_VALUES)
def test_equality_is_reflexive_and_symmetric(left: Any, right: Any) -> None:
    assert equal(left, left)
    assert equal(left, right) == equal(right, left)


@settings(max_examples=40)
@given(value=JSON_VALUES | st.sampled_from([HUGE, math.nan, math.inf, "\ud800", NESTED]))
def test_no_value_breaks_a_rule(value: Any) -> None:
    for accept, _, _ in RULES:
        accepts(accept, value)


def test_text_whose_marks_take_quadratic_time_to_sort_is_compared_as_it_is() -> None:
    marks = "a" + "\u0301\u0316" * 200_000
    assert not equal(marks, "a" + "\u0316\u0301" * 200_000)
    assert not accepts(rule("contains", ["a b"]), marks)


def test_dates_beyond_the_calendar_compare() -> None:
    assert not accepts(rule("date", [datetime.max.isoformat()]), "9999-12-31T23:59:59-23:59")


# --- one toolbox, and cases over it ----------------------------------------------------------------------------------

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
    ("unparseable", ROME, Completion('<tool_call>{"tool_name": "book", "args": {"ci')),
    ("unparseable", ROME, Completion("")),
    ("unparseable", ABSTAIN, Completion(" \n")),
    ("unparseable", ABSTAIN, Completion("<think>hm</think>")),
    ("unparseable", ABSTAIN, Completion("<tool_call>none</tool_call>")),
    ("unparseable", ABSTAIN, Completion('```json\n{"name": "cancel", "arguments": {}}\n```')),
    ("unparseable", ABSTAIN, Completion("```tool_code\nprint(cancel())\n```")),
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
    ("wrong_value", ROME, said(("book", {"city": "Rome", "nights": 1}))),  # declared, not asked for, no default
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
    assert {cause for cause, _, _ in WRONG} == set(CAUSES)


@pytest.mark.parametrize("dialect", [Tagged(), Json()], ids=["tagged", "json"])
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


# --- metrics ---------------------------------------------------------------------------------------------------------


def values(metric: str, *grades: Grade) -> list[float]:
    return [value.value for value in case_values(METRICS[metric], grades)]


def test_populations() -> None:
    right, silent = judged(ROME, ("book", {"city": "Rome"})), grade(ROME, Completion("no"), Tagged())
    invalid = judged(ROME, ("book", {"city": "Paris"}))
    kept, called = grade(ABSTAIN, Completion("no"), Tagged()), judged(ABSTAIN, ("cancel", {}))
    garbage = grade(ABSTAIN, Completion("<tool_call>", stop_reason="length"), Tagged())
    unknown = grade(ABSTAIN, Completion("no", stop_reason="unknown"), Tagged())

    def of(metric: str) -> list[float | None]:
        return [METRICS[metric].of(row) for row in (right, silent, invalid, kept, called, garbage, unknown)]

    assert of("timing.recall") == [1, 0, 1, None, None, None, None]
    assert of("timing.restraint") == [None, None, None, 1, 0, 0, 1]
    assert of("selection.tool") == [1, 0, 1, None, None, None, None]
    assert of("validity.schema") == [1, 0, 0, None, None, None, None]
    assert of("validity.call") == [1, 0, 0, None, None, None, None]
    assert of("guard.stops") == [1, 1, 1, 1, 1, 0, None]
    assert of("timing.malformed") == [0, 0, 0, 0, 0, 1, 0]
    assert of("timing.false_calls") == [None, None, None, 0, 1, 0, 0]
    assert of("selection.given_call") == [1, None, 1, None, None, None, None]


def test_epochs_are_averaged_and_n_counts_cases() -> None:
    right = grade(ROME, said(("book", {"city": "Rome"})), Tagged(), epoch=1)
    wrong = grade(ROME, said(("cancel", {})), Tagged(), epoch=2)
    asked = case(EITHER.expect.model_dump(mode="json"), messages=[{"role": "user", "content": "else?"}])
    other = judged(asked, ("cancel", {}))
    assert values("validity.call", right, other, wrong) == [0.5, 1.0]


def test_waived_cases_count_nowhere() -> None:
    waived = case(ROME.expect.model_dump(mode="json"), waiver="the gold is disputed")
    row = judged(waived, ("book", {"city": "Rome"}))
    assert row.waived == "the gold is disputed"
    assert [metric.id for metric in metrics_for([row]) if case_values(metric, [row])] == []
    assert metrics_for([row]) == tuple(METRICS.values())  # no breakdown for it either


@pytest.mark.parametrize(
    ("result", "answer", "expected"),
    [
        ("1006", "It is 1,006.", True),
        ("1006", "I cannot tell.", False),
        ("127.8681121", "About 127.87 litres", True),
        ("127.8681121", "About 128.9 litres", False),
        ("0.3", "It takes 0.0000001 s", False),
        ("6", "There are six of them.", True),
        ("-5", "It was 5 days earlier.", True),
        ("true", "Yes.", True),
        ("true", " ", False),
        ('"Friday"', "It is a friday.", True),
        ('"active"', "It is inactive.", False),
        ("Friday", "FRIDAY!", True),
        ('["Laptop"]', "You have two laptops.", True),
        ('{"a": [{"b": 7}], "c": null}', "7", True),
        ("2026-10-19", "On 19 October", True),
        ("2026-10-19", "On 19.10.2026", True),
        ("2026-10-19", "In October", False),
        ("2026-10-08T14:30:00-04:00", "At 2:30 pm.", True),
        ("2026-10-08T12:00:00-04:00", "At noon.", True),
        ("2026-10-08T14:30:00-04:00", "At nine.", False),
        ("[" * 5_000, "x", False),
        ("9" * 4_000, "9", False),
        ("", "x", False),
    ],
)
def test_uses_result(result: str, answer: str, expected: bool) -> None:
    conversation = [Message(role="user", content="?"), Message(role="tool", content=result)]
    assert uses_result(conversation, answer) is expected


def test_a_follow_up_need_not_repeat_the_result() -> None:
    conversation = [Message(role="tool", content="6"), Message(role="user", content="Per person?")]
    assert uses_result(conversation, "Yes.") is None
    assert uses_result(conversation[1:], "Yes.") is None


# --- gold ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("split", ["dev", "test"])
@pytest.mark.parametrize("dialect", [Tagged(), Json()], ids=["tagged", "json"])
def test_the_shipped_gold_holds(dialect: Dialect, split: Any, executor: Executor) -> None:
    cases, _ = load_cases(str(ROOT / "suites" / "cases"), split)
    for metric in PRIMARY:
        assert prove(metric.id, cases, dialect, executor) == []


@pytest.mark.parametrize("dialect", [Tagged(), Json()], ids=["tagged", "json"])
@pytest.mark.parametrize("asked", [case for case, _ in RIGHT] + [ABSTAIN])
def test_sound_gold_of_every_shape_is_proved(asked: Case, dialect: Dialect, executor: Executor) -> None:
    for metric in PRIMARY:
        assert prove(metric.id, [asked], dialect, executor) == []


@pytest.mark.parametrize(
    "asked",
    [
        calling(gold("book", city=["Paris"])),  # not in the enum
        calling(gold("book", nights=[2])),  # a required argument is forgotten
        calling(gold("book", city=["Rome"], town=["Rome"])),
        calling(gold("boook", city=["Rome"])),
        calling(gold("calculator", expression={"match": "same_result", "of": ["1 / 0"]})),
        calling(gold("cancel"), more=({"calls": [gold("book", city=["Paris"])]},)),  # only the second option is wrong
    ],
)
def test_wrong_gold_is_found(asked: Case, executor: Executor) -> None:
    faults = prove("validity.call", [asked, ROME], Tagged(), executor)
    assert [fault[0] for fault in faults] == [asked]
    waived = asked.model_copy(update={"waiver": "known"})
    assert prove("validity.call", [waived], Tagged(), executor) == []


def test_a_call_is_no_abstention_of_any_reason() -> None:
    for reason in ("no_tool_needed", "no_tool_fits", "missing_argument", "already_answered"):
        asked = case({"action": "abstain", "reason": reason})
        assert METRICS[f"timing.restraint[{reason}]"].of(judged(asked, ("cancel", {}))) == 0
        assert METRICS[f"timing.restraint[{reason}]"].of(grade(asked, Completion("no"), Tagged())) == 1
