"""Floors: which contestants have them by default, and which value counts."""

from __future__ import annotations

from dataclasses import replace

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


def test_cases_that_cannot_check_a_floor_have_none() -> None:
    request = Request(models=("policy/first",), baseline="policy/never", limit=40)
    evaluation = Evaluation(request)
    candidate = evaluation.contestants[1]
    calls = [case for case in evaluation.cases if case.expect.action == "call"]
    assert set(floors(request, candidate, calls)) == {"selection.tool"}
    assert floors(request, candidate, [case for case in evaluation.cases if case not in calls]) == {}
    single = [case for case in calls if len(case.expect.any_of[0].calls) == 1]
    alone = [
        case.model_copy(update={"toolbox": case.toolbox.model_copy(update={"tools": (tool,)})})
        for case in single
        for tool in case.toolbox.tools
        if tool.name == case.expect.any_of[0].calls[0].name
    ]
    assert alone
    assert floors(request, candidate, alone) == {}
    unbound = replace(request, floors=(("timing.balanced", 0), ("selection.tool", 0)))
    assert floors(unbound, candidate, evaluation.cases) == {}
