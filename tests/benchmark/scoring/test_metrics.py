"""Tests which cases count in a metric, and with which value."""

from __future__ import annotations

import pytest

from tests.benchmark.scoring.asking import (
    ABSTAIN,
    EITHER,
    ROME,
    case,
    judged,
    said,
)
from toolmark.benchmark.data.cases import Message
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.scoring.answers import uses_result
from toolmark.benchmark.scoring.grades import Grade, grade
from toolmark.benchmark.scoring.metrics import METRICS, case_values, metrics_for


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
        ("True", "Yes, it is valid.", True),
        ("['#sun', '#sea']", "The hashtags are #sun and #sea.", True),
        ("['#sun', '#sea']", "There are some.", False),
    ],
)
def test_uses_result(result: str, answer: str, expected: bool) -> None:
    conversation = [Message(role="user", content="?"), Message(role="tool", content=result)]
    assert uses_result(conversation, answer) is expected


def test_a_follow_up_need_not_repeat_the_result() -> None:
    conversation = [Message(role="tool", content="6"), Message(role="user", content="Per person?")]
    assert uses_result(conversation, "Yes.") is None
    assert uses_result(conversation[1:], "Yes.") is None


def test_a_call_is_no_abstention_of_any_reason() -> None:
    for reason in ("no_tool_needed", "no_tool_fits", "missing_argument", "already_answered"):
        asked = case({"action": "abstain", "reason": reason})
        assert METRICS[f"timing.restraint[{reason}]"].of(judged(asked, ("cancel", {}))) == 0
        assert METRICS[f"timing.restraint[{reason}]"].of(grade(asked, Completion("no"), Tagged())) == 1
