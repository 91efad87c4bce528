"""Policies on the shipped cases: what chance gives is known exactly, and only the oracle is right everywhere."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.data.cases import Case, Tool
from toolmark.benchmark.dialects.json import Json
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.engine.policy_engine import PolicyEngine
from toolmark.benchmark.policies.chance import chance
from toolmark.benchmark.policies.lexical import bm25
from toolmark.benchmark.policies.named_values import named_values
from toolmark.benchmark.policies.trivial import POLICIES, best_effort
from toolmark.benchmark.readers.case_selection import load_cases
from toolmark.benchmark.runs.generation import generate
from toolmark.benchmark.runs.run import RunOptions, open_run
from toolmark.benchmark.scoring.execution import Executor
from toolmark.benchmark.scoring.grades import Grade, grade
from toolmark.benchmark.scoring.metrics import METRICS, PRIMARY, case_values
from toolmark.benchmark.tools.catalog import catalog

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return load_cases(str(ROOT / "suites" / "cases"))[0]


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with Executor() as executor:
        yield executor


def graded(name: str, cases: list[Case], executor: Executor, dialect: Any = None, seed: int = 0) -> list[Grade]:
    spoken = dialect or Tagged()
    engine = PolicyEngine(name, cases, seed)
    engine.prepare([], spoken)
    answers = engine.answer(range(len(cases)))
    return [grade(cases[index], completion, spoken, executor) for index, completion in answers]


def score(metric: str, grades: list[Grade]) -> float | None:
    values = [case.value for case in case_values(METRICS[metric], grades)]
    return sum(values) / len(values) if values else None


@pytest.mark.parametrize("dialect", [Tagged(), Json()], ids=["tagged", "json"])
def test_the_oracle_is_right_everywhere(cases, executor, dialect):
    grades = graded("oracle", cases, executor, dialect)
    for metric in METRICS.values():
        if metric.unit == "share":
            assert score(metric.id, grades) in (None, 1.0 if metric.higher_is_better else 0.0), metric.id


def test_never_and_first_score_what_follows_from_their_rule(cases, executor):
    never, first = graded("never", cases, executor), graded("first", cases, executor)
    exact = {"timing.recall": 0, "timing.restraint": 1, "selection.tool": 0, "validity.schema": 0, "validity.call": 0}
    assert {metric: score(metric, never) for metric in exact} == exact
    assert (score("timing.recall", first), score("timing.restraint", first)) == (1, 0)
    assert score("selection.tool", first) == pytest.approx(chance(cases).first)


def test_uniform_is_seeded_and_near_its_expectation(cases, executor):
    calls = [case for case in cases if case.expect.action == "call"]
    drawn = [graded("uniform", calls, executor, seed=seed) for seed in range(5)]
    assert drawn[0] == graded("uniform", calls, executor, seed=0) != drawn[1]
    scores = [value for grades in drawn if (value := score("selection.tool", grades)) is not None]
    expected = chance(calls).uniform
    # A variance of at most p(1 - p), because cases of different lists differ in p.
    error = math.sqrt(expected * (1 - expected) / (len(calls) * len(drawn)))
    assert abs(sum(scores) / len(drawn) - expected) < 4 * error


def test_reading_words_beats_chance_and_is_no_understanding(cases, executor):
    grades = graded("lexical", cases, executor)
    found = {metric.id: score(metric.id, grades) or 0 for metric in PRIMARY}
    assert chance(cases).uniform + 0.1 < found["selection.tool"] < 0.8
    assert found["validity.call"] < found["selection.tool"]
    assert found["timing.restraint"] < 0.8


def test_a_run_of_a_policy_is_kept_by_seed_and_by_gold(cases, tmp_path):
    from toolmark.benchmark.candidates.spec import resolve
    from toolmark.benchmark.engine.engines import Engines

    def made(chosen: list[Case], seed: int = 0) -> tuple[int, str]:
        options = RunOptions(runs=tmp_path, decoding=Decoding(seed=seed))
        run = open_run(resolve("policy/uniform"), Tagged(), options)
        generate(run, chosen, options, Engines(options.decoding))
        return run.made, run.folder.name

    few = cases[:5]
    mended = [few[0].model_copy(update={"waiver": "disputed"}), *few[1:]]
    assert made(few) == (5, made(few)[1])
    assert made(few)[0] == 0
    assert made(mended)[0] == 1
    assert made(few, seed=1)[0] == 5


def test_arguments_come_from_what_the_question_names():
    tools = catalog()
    for name, query, arguments in [
        (
            "convert_currency",
            "what is 1,250.50 EUR in USD?",
            {"amount": 1250.5, "from_currency": "EUR", "to_currency": "USD"},
        ),
        ("calculate_combinations", "choose 3 of 12", {"n": 3, "r": 12}),
        (
            "calculate_date_diff",
            "from 3 March 2026 to 2026-04-01",
            {"start_date": "2026-03-03", "end_date": "2026-04-01"},
        ),
        ("word_count", 'how long is "a b c"?', {"text": "a b c"}),
        ("word_count", "how long is it", {"text": "how long is it"}),
        ("compute_median", "median of 4, 8 and 15", {"numbers": [4, 8, 15]}),
        ("get_weather", "is it raining", {"city": "New York"}),
        ("generate_password", "a password", {}),
    ]:
        assert best_effort(tools[name], query).arguments == arguments


def test_the_rarest_shared_words_win_whatever_the_spelling_of_a_name():
    tools = [Tool(name="countWords"), Tool(name="x", description="Counts the letters of a text."), Tool(name="y")]
    scores = bm25("Count the words", tools)
    assert scores[0] > scores[1] > scores[2] == 0
    assert bm25("hello", tools) == [0, 0, 0]
    assert bm25("weather?", [Tool(name="weather")])[0] > 0


SCHEMAS = st.fixed_dictionaries(
    {"type": st.sampled_from(["string", "integer", "number", "array", "object", "null", "nonsense", 5, ["string"]])},
    optional={
        "enum": st.lists(st.none() | st.text() | st.integers(), max_size=3) | st.integers(),
        "maxLength": st.integers(-1, 5),
        "format": st.sampled_from(["date", "email", "no such format"]),
        "anyOf": st.integers() | st.lists(st.just({"type": "number"}), max_size=2),
        "minimum": st.integers() | st.text(),
    },
)


@given(schema=SCHEMAS, query=st.text())
def test_no_schema_and_no_question_breaks_a_policy(schema: dict[str, Any], query: str):
    tool = Tool(name="f", parameters={"type": "object", "properties": {"a": schema}, "required": ["a", "b"]})
    assert set(best_effort(tool, query).arguments) == {"a"}
    named_values(schema, query)


def test_without_tools_nothing_is_called(cases):
    bare = cases[0].model_copy(update={"toolbox": cases[0].toolbox.model_copy(update={"tools": ()})})
    for name in ("first", "uniform", "lexical"):
        assert "not" in POLICIES[name](bare, Tagged(), Random(0)).text
