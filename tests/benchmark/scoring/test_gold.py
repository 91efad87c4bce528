"""Tests that the gold of the shipped cases is proved, and that wrong gold is found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.benchmark.scoring.asking import (
    ABSTAIN,
    DIALECTS,
    EVERY,
    RIGHT,
    ROME,
    calling,
    gold,
)
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.readers.case_selection import load_cases
from toolmark.benchmark.scoring.execution import Executor
from toolmark.benchmark.scoring.gold import PLANTED, GoldProof
from toolmark.benchmark.scoring.metrics import PRIMARY

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("dialect", "split"),
    [(dialect, "dev") for dialect in DIALECTS] + [(Tagged(), "test")],
    ids=lambda value: getattr(value, "name", value),
)
def test_the_shipped_gold_holds(dialect: Dialect, split: Any, executor: Executor) -> None:
    cases, _ = load_cases(str(ROOT / "suites" / "cases"), split)
    proof = GoldProof(cases, dialect, executor)
    for metric in PRIMARY:
        assert proof.faults(metric.id) == []


@EVERY
@pytest.mark.parametrize("asked", [case for case, _ in RIGHT] + [ABSTAIN])
def test_sound_gold_of_every_shape_is_proved(asked: Case, dialect: Dialect, executor: Executor) -> None:
    proof = GoldProof([asked], dialect, executor)
    for metric in PRIMARY:
        assert proof.faults(metric.id) == []


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
    faults = GoldProof([asked, ROME], Tagged(), executor).faults("validity.call")
    assert [fault[0] for fault in faults] == [asked]
    waived = asked.model_copy(update={"waiver": "known"})
    assert GoldProof([waived], Tagged(), executor).faults("validity.call") == []


def test_every_primary_metric_has_planted_wrong_answers() -> None:
    assert set(PLANTED) == {metric.id for metric in PRIMARY}
    assert all(PLANTED.values())
