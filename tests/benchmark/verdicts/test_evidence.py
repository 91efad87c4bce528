"""Tests the data of a report beside the figures: by hand on a few cases, and against the figures on all cases."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from toolmark.benchmark.data.cases import Case, Tool, Toolbox
from toolmark.benchmark.data.completions import Completion, Usage
from toolmark.benchmark.data.record import ChosenCheckpoint, CurvePoint, TrainingRecord, read_record
from toolmark.benchmark.dialects.json import Json
from toolmark.benchmark.evaluation.report_data import gather
from toolmark.benchmark.evaluation.shown_cases import LONGEST
from toolmark.benchmark.policies.scores import policy_scores
from toolmark.benchmark.scoring.grades import grade
from toolmark.benchmark.verdicts.comparison import Side, compare_sides
from toolmark.benchmark.verdicts.report_data import ReportData

BOOK = Tool(
    name="book",
    description="Reserve a room in a town.",
    parameters={"type": "object", "properties": {"city": {"type": "string"}, "nights": {"type": "integer"}}},
)
TOOLS = Toolbox(name="t", tools=(Tool(name="other", description="Something else."), BOOK))
ROME = {
    "action": "call",
    "any_of": [{"calls": [{"name": "book", "arguments": {"city": ["Rome", "Roma"], "nights": [2]}}]}],
}
NONE = {"action": "abstain", "reason": "no_tool_fits"}


def asked(question: str, expect: dict[str, Any] = ROME, waiver: str | None = None) -> Case:
    return Case.model_validate(
        {
            "messages": [{"role": "user", "content": question}],
            "toolbox": TOOLS,
            "expect": expect,
            "tags": {"difficulty": "easy"},
            "source": {"name": "test", "ref": question},
            "licence": "none",
            "waiver": waiver,
        }
    )


def call(name: str = "book", **arguments: Any) -> str:
    return json.dumps({"name": name, "arguments": arguments})


RIGHT = call(city="Rome", nights=2)
CASES = [
    asked("a room in rome"),
    asked("b room in rome"),
    asked("c room in rome"),
    asked("d no", NONE),
    asked("e disputed", waiver="disputed"),
]
BASE = (RIGHT, "No.", call("other"), "No.", RIGHT)
MINE = ("No.", RIGHT, call(city="Oslo", extra=1), RIGHT, "No.")


def answered(*texts: str) -> dict[tuple[str, int], Completion]:
    said = zip(CASES, texts, strict=True)
    return {(case.id, 1): Completion(text, usage=Usage(100, len(text))) for case, text in said}


def sides(*answers: tuple[str, ...], trained_on: frozenset[str] | None = None) -> list[Side]:
    """Sides of contestants. The first is the baseline of the others; the last was trained on the tools `trained_on`."""
    names = ["base", "mine", "other"][: len(answers)]
    found = []
    for name, texts in zip(names, answers, strict=True):
        said = answered(*texts)
        grades = [grade(case, said[case.id, 1], Json()) for case in CASES]
        training = TrainingRecord(tools=trained_on) if name == names[-1] and trained_on is not None else None
        found.append(Side(name, grades, said, None if name == "base" else "base", training=training))
    return found


def gathered(*answers: tuple[str, ...], trained_on: frozenset[str] | None = None) -> ReportData:
    return gather(CASES, sides(*answers, trained_on=trained_on), Json())


def test_fates_and_their_counts() -> None:
    report = gathered(BASE, MINE)
    mine, base = report.details["mine"].flips, report.details["base"].flips
    assert [mine["everything"].fates.get(case.id) for case in CASES] == [
        "broken",
        "fixed",
        "both wrong",
        "broken",
        None,
    ]
    assert dict(mine["everything"].counts) == {"broken": 2, "fixed": 1, "both wrong": 1}
    assert dict(mine["timing.recall"].counts) == {"broken": 1, "fixed": 1, "both right": 1}
    assert dict(base["everything"].counts) == {"wrong": 2, "right": 2}
    assert [case.waived for case in report.cases] == [None, None, None, None, "disputed"]


def test_flips_are_the_pairs_of_the_differences() -> None:
    differences = compare_sides(sides(BASE, MINE))["mine"].differences
    flips = gathered(BASE, MINE).details["mine"].flips
    assert differences
    for metric, difference in differences.items():
        assert (difference.won, difference.lost) == tuple(
            tuple(case_id for case_id, fate in flips[metric].fates.items() if fate == wanted)
            for wanted in ("fixed", "broken")
        )


def test_the_differing_argument_is_marked_and_a_right_call_is_not() -> None:
    shown = gathered(BASE, MINE).cases
    base, mine = shown[2].answers
    assert base is not None
    assert mine is not None
    assert base.calls[0].fault == "wrong tool"
    assert [(argument.name, argument.fault) for argument in mine.calls[0].arguments] == [
        ("city", "wrong value"),
        ("extra", "extra argument"),
    ]
    assert mine.calls[0].missing == ("nights",)
    assert [(argument.value, argument.rule) for argument in shown[2].expected[0].arguments] == [
        ('"Rome"', 'or "Roma"'),
        ("2", ""),
    ]
    right = shown[0].answers[0]
    assert right is not None
    assert [argument.fault for argument in right.calls[0].arguments] == ["", ""]


def test_of_several_calls_the_surplus_one_is_marked() -> None:
    answer = gathered((f"[{call('other')}, {RIGHT}]", *BASE[1:])).cases[0].answers[0]
    assert answer is not None
    assert [(said.name, said.fault) for said in answer.calls] == [("other", "not expected"), ("book", "")]


@pytest.mark.parametrize(
    "text",
    [
        "x" * 1_000_000,
        call(city="x" * 1_000_000),
        call(**{"k" * 9_000: 1}),
        call("n" * 9_000),
        call(a=[[[["\ud800"]]]]),
    ],
)
def test_what_a_model_wrote_is_cut(text: str) -> None:
    answer = gathered((text, *BASE[1:])).cases[0].answers[0]
    assert answer is not None
    assert len(repr(answer)) < 2 * LONGEST
    repr(answer).encode()


def test_confusion_counts_every_judged_completion_once() -> None:
    found = gathered(BASE, MINE).details["mine"].confusion
    cells = {
        (right, said): count
        for right, row in zip(found.expected, found.counts, strict=True)
        for said, count in zip(found.called, row, strict=True)
        if count
    }
    assert cells == {("book", "no call"): 1, ("book", "book"): 2, ("no call is right", "book"): 1}


def test_many_tools_are_folded_and_none_is_lost() -> None:
    tools = tuple(Tool(name=f"tool{index}") for index in range(60))
    cases = [
        asked(tool.name, {"action": "call", "any_of": [{"calls": [{"name": tool.name}]}]}).model_copy(
            update={"toolbox": Toolbox(name="many", tools=tools)}
        )
        for tool in tools
    ]
    # Every second tool is mistaken for its neighbour.
    said = {(case.id, 1): Completion(call(f"tool{index + index % 2}")) for index, case in enumerate(cases)}
    grades = [grade(case, said[case.id, 1], Json()) for case in cases]
    found = gather(cases, [Side("mine", grades, said)], Json()).details["mine"].confusion
    assert found.expected[-1] == "other tools"
    assert sum(map(sum, found.counts)) == 60
    right = sum(
        dict(zip(found.called, row, strict=True)).get(name, 0)
        for name, row in zip(found.expected, found.counts, strict=True)
    )
    assert right == 30
    assert Counter(len(row) for row in found.counts) == {len(found.called): len(found.expected)}


def test_seen_and_unseen_are_told_by_the_tools_of_training() -> None:
    details = gathered(BASE, MINE, trained_on=frozenset({BOOK.schema_hash})).details
    found = {(part.metric, part.tools): (part.figure, part.base) for part in details["mine"].seen}
    figure, base = found["selection.tool", "seen"]
    assert (figure.n, figure.score) == (3, pytest.approx(2 / 3))
    assert base is not None
    assert base.score == pytest.approx(1 / 3)
    assert found["selection.tool", "unseen"][0].n == 0
    assert details["base"].seen == gathered(BASE, MINE).details["mine"].seen == ()


def took(*usages: Usage) -> Any:
    said = {
        place: replace(completion, usage=usage)
        for (place, completion), usage in zip(answered(*BASE).items(), usages, strict=True)
    }
    grades = [grade(case, said[case.id, 1], Json()) for case in CASES]
    return gather(CASES, [Side("mine", grades, said)], Json()).details["mine"].usage


def test_what_a_run_took_is_summed_or_not_known() -> None:
    spent = gathered(BASE).details["base"].usage
    assert (spent.read, spent.written, spent.seconds, spent.cost) == (500, sum(map(len, BASE)), None, None)
    spent = took(*[Usage()] * len(CASES))
    assert (spent.read, spent.written, spent.answer.n) == (None, None, 0)
    spent = took(*[Usage(10, 1, seconds=0.5, cost=0.25)] * len(CASES))
    assert (spent.seconds, spent.answer_seconds) == (0.5 * len(CASES), 0.5)
    assert (spent.cost, spent.thousand_cost) == (0.25 * len(CASES), 250)
    # If one part of a sum is unknown, the sum is unknown.
    spent = took(*[Usage(10, 1, seconds=0.5, cost=0.25)] * (len(CASES) - 1), Usage(10, 1))
    assert (spent.written, spent.seconds, spent.cost) == (len(CASES), None, None)


def test_a_rank_is_a_range_until_the_cases_tell() -> None:
    cases = [asked(f"{index}") for index in range(60)]

    def side(name: str, right: int) -> Side:
        answers = (Completion(RIGHT if index < right else "No.") for index in range(len(cases)))
        return Side(name, [grade(case, said, Json()) for case, said in zip(cases, answers, strict=True)])

    three = [side("a", 59), side("b", 60), side("c", 10)]
    found = gather(cases, three, Json()).ranks
    assert [(rank.contestant, rank.first, rank.last) for rank in found if rank.metric == "validity.call"] == [
        ("a", 1, 2),
        ("b", 1, 2),
        ("c", 3, 3),
    ]
    assert gather(cases, three[:2], Json()).ranks == ()


def test_trivial_policies_by_hand() -> None:
    found = {policy.name: policy.scores for policy in policy_scores(CASES, Json())}
    assert list(found) == ["never", "first", "uniform", "lexical"]
    assert (found["never"]["timing.restraint"], found["never"]["validity.schema"]) == (1, 0)
    assert (found["first"]["timing.recall"], found["first"]["selection.tool"]) == (1, 0)
    assert "selection.tool" not in policy_scores([CASES[3]], Json())[0].scores


@pytest.mark.parametrize(
    ("record", "known"),
    [
        (None, None),
        ([], None),
        ({}, TrainingRecord()),
        (
            {
                "trainer": "lora",
                "seconds": "long",
                "data": {"tools": ["a"], "conversations": 3},
                "curve": [{"step": 1, "loss": float("nan"), "dev": 0.5}, {"loss": 1}, 7],
            },
            TrainingRecord("lora", conversations=3, tools=frozenset("a"), curve=(CurvePoint(1.0),)),
        ),
        (
            {
                "curve": [
                    {"step": 1, "tokens": 9, "loss": 2, "eval_loss": 3.5, "scores": {"selection.tool": 0.25, "x": "y"}},
                    {"step": 2, "lr": 1e-3, "timing.recall": 1, "scores": [1]},
                ],
                "chosen": {"step": 2, "metric": "timing.recall", "score": 1},
            },
            TrainingRecord(
                curve=(
                    CurvePoint(1.0, 9.0, {"loss": 2.0, "eval_loss": 3.5}, {"selection.tool": 0.25}),
                    CurvePoint(2.0, scores={"timing.recall": 1.0}),
                ),
                chosen=ChosenCheckpoint(2.0, "timing.recall", 1.0),
            ),
        ),
        ({"chosen": {"step": 3, "metric": 7, "score": float("inf")}}, TrainingRecord(chosen=ChosenCheckpoint(3.0))),
        ({"chosen": {"metric": "x"}}, TrainingRecord()),
        ({"chosen": "last", "chosen_step": 4}, TrainingRecord(chosen=ChosenCheckpoint(4.0))),
        ({"data": [], "curve": {}, "seconds": True}, TrainingRecord()),
    ],
)
def test_a_record_of_any_shape_is_read(record: Any, known: TrainingRecord | None) -> None:
    assert TrainingRecord.of(record) == known


def test_a_record_that_cannot_be_read_is_none(tmp_path: Any) -> None:
    assert read_record(tmp_path) is None
    (tmp_path / "toolmark.json").write_text("{")
    assert read_record(tmp_path) is None
    (tmp_path / "toolmark.json").write_text('{"trainer": "lora"}')
    assert read_record(tmp_path) == {"trainer": "lora"}
