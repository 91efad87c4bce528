"""Floors: which contestants have them by default, and which value counts."""

from __future__ import annotations

from toolmark.benchmark.evaluation.evaluate import Evaluation
from toolmark.benchmark.evaluation.floors import floors
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.policies.chance import selection_by_chance


def test_default_floors_are_for_contestants_with_a_baseline() -> None:
    asked = (("timing.recall", 0.2), ("timing.balanced", 0.7))
    evaluation = Evaluation(Request(models=("policy/first",), baseline="policy/never", limit=40, floors=asked))
    baseline, candidate = evaluation.contestants
    assert floors(evaluation.request, baseline, evaluation.cases) == dict(asked)
    chance = selection_by_chance(evaluation.cases)
    assert 0 < chance < 1
    assert floors(evaluation.request, candidate, evaluation.cases) == {**dict(asked), "selection.tool": chance}
