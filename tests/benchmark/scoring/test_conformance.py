"""Compares the judge with the verdicts of BFCL and the published figures of the tutorial, and checks both pages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from studies import conformance, loose_forms, stages, tutorial
from studies.official import POINTS, official, reasons
from studies.recorded_verdicts import as_completion
from toolmark.benchmark.data.cases import Call
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.dialects.json import Json
from toolmark.benchmark.dialects.pythonic import Pythonic
from toolmark.benchmark.readers.bfcl import BfclReader
from toolmark.benchmark.scoring.grades import grade

FUNCTION = {
    "name": "a.f",
    "description": "",
    "parameters": {
        "type": "dict",
        "properties": {
            "n": {"type": "integer"},
            "xs": {"type": "array", "items": {"type": "float"}},
            "s": {"type": "string", "enum": ["A b"]},
            "k": {"type": "integer", "default": 3},
            "box": {"type": "dict"},
            "ns": {"type": "array", "items": {"type": "integer"}},
        },
        "required": ["n"],
    },
}
ANSWER = {"n": [1], "xs": [[1.0], ""], "s": ["A b", ""], "box": [{"v": [1]}, ""]}


def verdict(*calls: Any, truth: Any = None, underscored: bool = False) -> Any:
    answer = truth or [{"a.f": ANSWER}]
    return lambda on: official([FUNCTION], answer, calls, underscored=underscored, on=on)


@pytest.mark.parametrize(
    ("calls", "truth", "point"),
    [
        ([{"a.f": {"n": 1, "xs": [1]}}], [{"a.f": {**ANSWER, "xs": [[1.0]]}}], "integers in a list of numbers"),
        ([{"a.f": {"n": 1, "k": 3}}], None, "schema default"),
        ([{"a.f": {"n": 1.0}}], None, "whole float for an integer"),
        ([{"a.f": {"n": 1, "ns": [1.0, 2]}}], [{"a.f": {**ANSWER, "ns": [[1, 2]]}}], "whole float for an integer"),
        (
            [{"a.f": {"n": 1, "box": {"v": ""}}}],
            [{"a.f": {**ANSWER, "box": [{"v": [1, ""]}]}}],
            "empty string for none",
        ),
        ([{"a_f": {"n": 1}}], None, "spelling of names"),
        ([{"a.f": {"n": 1, "s": "A\tb"}}], None, "white-space and Unicode"),
        ([{"a.f": {"n": 1, "s": "a b"}}], None, "own schema"),
        ([{"a.f": {"n": 1, "box": {"v": True}}}], None, "booleans are no numbers"),
        ([{"a.f": {"n": 1, "xs": []}}], None, "empty list for none"),
        (
            [{"a.f": {"n": 1}}, {"a.f": {"n": 2}}],
            [{"a.f": {"n": [1, 2]}}, {"a.f": {"n": [1]}}],
            "best assignment",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_each_point_turns_the_official_verdict(calls: Any, truth: Any, point: str) -> None:
    judge = verdict(*calls, truth=truth)
    before = judge(frozenset())
    assert judge(frozenset({point})) is not before
    assert reasons(judge, before) == ()
    assert reasons(judge, not before) == (point,)


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ({"ns": [1.0, 2]}, {"ns": [[1, 2]]}),
        ({"ns": [1.5, 2]}, {"ns": [[1, 2]]}),
        ({"box": {"v": ""}}, {"box": [{"v": [1, ""]}]}),
        ({"box": {}}, {"box": [{"v": [1, ""]}]}),
        ({"box": {"v": ""}}, {"box": [{"v": [""]}]}),
        ({"box": {"v": "A"}}, {"box": [{"v": ["a", ""]}]}),
    ],
    ids=range(6),
)
def test_every_point_together_gives_our_verdict(tmp_path: Path, given: dict[str, Any], answer: dict[str, Any]) -> None:
    row = {"id": "c", "question": [[{"role": "user", "content": "?"}]], "function": [FUNCTION]}
    truth = [{"a.f": {"n": [1], **answer}}]
    (tmp_path / "possible_answer").mkdir()
    (tmp_path / "BFCL_v4_multiple.json").write_text(json.dumps(row))
    (tmp_path / "possible_answer" / "BFCL_v4_multiple.json").write_text(json.dumps({"id": "c", "ground_truth": truth}))
    (case,) = BfclReader().read(tmp_path)
    call = Call(name="a.f", arguments={"n": 1, **given})
    ours = grade(case, as_completion([call]), Json()).correct
    judge = verdict({"a.f": dict(call.arguments)}, truth=truth)
    assert judge(frozenset(POINTS)) is ours
    assert reasons(judge, ours) is not None


def test_what_no_point_explains_is_not_explained() -> None:
    assert reasons(verdict({"a.f": {"n": 2}}), ours=True) is None
    assert set(conformance.MEANINGS) == {*POINTS, *conformance.RAW_REASONS}


@pytest.mark.parametrize("form", loose_forms.FORMS)
@pytest.mark.parametrize("named", [True, False])
def test_loose_forms_are_read_leniently(tmp_path: Path, form: str, named: bool) -> None:
    row = {"id": "c", "question": [[{"role": "user", "content": "?"}]], "function": [FUNCTION]}
    truth = [{"a.f": {"n": [1], "xs": [[0.5]], "k": [2]}}, {"a.f": {"n": [3], "box": [{"v": ["it's, [so]"]}]}}]
    (tmp_path / "possible_answer").mkdir()
    (tmp_path / "BFCL_v4_parallel.json").write_text(json.dumps(row))
    (tmp_path / "possible_answer" / "BFCL_v4_parallel.json").write_text(json.dumps({"id": "c", "ground_truth": truth}))
    (case,) = BfclReader().read(tmp_path)
    right = [{"n": 1, "xs": [0.5], "k": 2}, {"n": 3, "box": {"v": "it's, [so]"}}]
    calls = [Call(name="a_f", arguments=arguments) for arguments in right]
    texts = [loose_forms.written(call, case, named=named) for call in calls]
    assert texts[0] == ("a_f(n=1, xs=[0.5], k=2)" if named else "a_f(1, [0.5], k=2)")
    graded = grade(case, Completion(loose_forms.FORMS[form](texts)), Pythonic())
    assert (graded.correct_leniently, graded.correct) == (True, form == "a list" and named)
    one_less = grade(case, Completion(loose_forms.FORMS[form](texts[1:])), Pythonic())
    assert not one_less.correct_leniently


@pytest.fixture(scope="module")
def measured() -> tuple[list[conformance.Judged], list[loose_forms.Loose]]:
    if not (conformance.DATA / "bfcl_recorded").is_dir():
        pytest.skip("no recorded model is at hand")
    return conformance.measured()


@pytest.fixture
def models(measured: Any) -> list[conformance.Judged]:
    return measured[0]


@pytest.mark.slow
def test_the_judge_agrees_with_bfcl(models: list[conformance.Judged]) -> None:
    decoded = sum(model.decoded for model in models)
    raw = sum(model.raw for model in models)
    assert (len(models), decoded, raw) == (4, 3_263, 4_000)
    assert 1 - sum(len(model.decoded_apart) for model in models) / decoded >= 0.99
    assert 1 - sum(len(model.raw_apart) for model in models) / raw >= 0.97
    assert sum(model.rebuilt for model in models) == decoded


@pytest.mark.slow
def test_every_disagreement_has_a_reason_of_the_closed_list(models: list[conformance.Judged]) -> None:
    found = {
        part
        for model in models
        for each in (*model.decoded_apart, *model.raw_apart)
        for part in each.reason.split(" and ")
    }
    assert found <= {*POINTS, *conformance.RAW_REASONS}


@pytest.mark.slow
def test_unreadable_answers_are_not_abstentions(models: list[conformance.Judged]) -> None:
    gemma = next(model for model in models if "gemma" in model.model)
    credited = {outcome: count for (valid, outcome), count in gemma.irrelevance.items() if valid}
    assert sum(gemma.irrelevance.values()) == 240
    assert sum(credited.values()) == 236
    assert credited["abstain"] < 118  # most of the official credit is for calls and for attempts at one


@pytest.mark.slow
def test_the_page_is_what_is_measured(measured: Any) -> None:
    page = conformance.write(*measured)
    assert page.broken == []
    # The sections about live cases follow. Their data is not at hand here.
    assert conformance.OUT.read_text(encoding="utf-8").startswith("\n".join(page.text).rstrip())


@pytest.mark.slow
@pytest.mark.skipif(not tutorial.DATA.is_dir(), reason="the tutorial's files are not at hand")
def test_the_tutorial_is_reproduced() -> None:
    cells = tutorial.summary()
    shares = {(cell.model.partition("/")[0], cell.column): cell.share for cell in cells if cell.query_type is None}
    assert {place: round(share, 2) for place, share in shares.items()} == {
        ("google", "Tool Called When Needed (%)"): 90.0,
        ("google", "Correct Tool Called (%)"): 37.5,
        ("google", "Tool Call Success (%)"): 52.5,
        ("shawhin", "Tool Called When Needed (%)"): 93.33,
        ("shawhin", "Correct Tool Called (%)"): 52.5,
        ("shawhin", "Tool Call Success (%)"): 65.0,
    }
    found = tutorial.checked()
    assert (found.rows, found.read) == (600, 600)
    page = tutorial.write(cells, found, stages.imported(tutorial.DATA), tutorial.DATA)
    assert page.broken == []
    assert tutorial.OUT.read_text(encoding="utf-8") == "\n".join(page.text)
