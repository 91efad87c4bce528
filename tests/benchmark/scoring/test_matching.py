"""Tests that right values are accepted and wrong values are refused."""

from __future__ import annotations

import json
import math
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.benchmark.scoring.asking import (
    HUGE,
    NESTED,
)
from toolmark.benchmark.data.match_rules import Accept
from toolmark.benchmark.scoring.accepted_values import accepts, equal


def rule(match: str, of: Any = None, **more: Any) -> Accept:
    return Accept.model_validate({"match": match, "of": of, **more})


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
