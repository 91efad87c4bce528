"""The mix `worlds`: conversations of several turns that really took place, and scenarios that are new to a model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from toolmark.benchmark.core.registry import load
from toolmark.benchmark.data.dataset import TraceDataset
from toolmark.benchmark.data.held_out import HeldOut
from toolmark.benchmark.data.shipped_cases import shipped_cases
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.engine.conversation_ids import conversation_sequences
from toolmark.benchmark.engine.tokenizer import open_tokenizer
from toolmark.benchmark.readers.scenarios import load_scenarios
from toolmark.benchmark.scoring.scenario_proof import ScenarioProof
from toolmark.benchmark.tools.catalog import catalog
from toolmark.benchmark.tools.sandbox import Sandbox
from toolmark.benchmark.tools.worlds.world_names import SHIPPED_WORLDS, WorldNames
from toolmark.benchmark.tools.worlds.world_session import world_sandbox
from toolmark.generators.pipeline import generate
from toolmark.generators.scenario_check import ScenarioCheck
from toolmark.generators.template import TemplateGenerator, TemplateOptions
from toolmark.generators.template.worlds import WORLDS, Style, world_traces
from toolmark.generators.template.worlds.choices import Choices

PLAIN = Style(typos=0, casual=0)


@pytest.fixture(scope="module")
def traces() -> list[Trace]:
    return list(world_traces(3, 40, PLAIN))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with world_sandbox() as sandbox:
        yield sandbox


def names_in(value: Any) -> Iterator[str]:
    """Every key and every text in a state."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from names_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from names_in(inner)
    elif isinstance(value, str):
        yield value


def users(traces: list[Trace], split: str) -> set[str]:
    chosen = [trace for trace in traces if trace.scenario is not None and trace.scenario.split == split]
    return {message.content for trace in chosen for message in trace.messages if message.role == "user"}


def test_every_conversation_took_place_and_meets_its_demands(traces: list[Trace], sandbox: Sandbox) -> None:
    check = ScenarioCheck(sandbox)
    assert [check.fault(trace) for trace in traces] == [None] * len(traces)
    kinds = {kind for trace in traces if trace.scenario for kind in trace.scenario.tags["kinds"]}
    assert kinds == {"nothing", "recover", "missing"}
    assert {trace.toolbox.name for trace in traces} == set(SHIPPED_WORLDS)
    assert {len(trace.scenario.turns) for trace in traces if trace.scenario} >= {2, 3, 4}


def test_another_result_and_another_answer_are_rejected(traces: list[Trace], sandbox: Sandbox) -> None:
    trace = next(one for one in traces if one.query_type == "easy")
    place = next(index for index, message in enumerate(trace.messages) if message.role == "tool")
    messages = list(trace.messages)
    messages[place] = messages[place].model_copy(update={"content": "invented"})
    check = ScenarioCheck(sandbox)
    assert "differs" in str(check.fault(trace.model_copy(update={"messages": tuple(messages)})))
    told = next(one for one in traces if one.scenario and getattr(one.scenario.turns[0].expect, "say", ()))
    turns = told.scenario.turns
    silent = turns[0].model_copy(update={"gold": turns[0].gold.model_copy(update={"answer": "I will not tell."})})
    scenario = told.scenario.model_copy(update={"turns": (silent, *turns[1:])})
    assert "demands" in str(check.fault(told.model_copy(update={"scenario": scenario})))


@pytest.mark.parametrize("count", [8, pytest.param(400, marks=pytest.mark.slow)])
def test_planted_wrong_conversations_fail(sandbox: Sandbox, count: int) -> None:
    worlds = WorldNames()
    for trace in world_traces(7, count, PLAIN):
        scenario = trace.scenario
        assert scenario is not None
        assert list(ScenarioProof(scenario, worlds.resolve(scenario.world), sandbox).faults()) == []


def test_the_seed_and_the_index_decide_alone(traces: list[Trace]) -> None:
    assert list(world_traces(3, 3, PLAIN)) == traces[:3]
    assert next(world_traces(4, 1, PLAIN)) != traces[0]


def test_tests_have_their_own_wordings_and_names(traces: list[Trace]) -> None:
    assert users(traces, "test")
    assert not users(traces, "test") & users(traces, "dev")
    shipped_folder = Path(shipped_cases("scenarios"))
    authored = load_scenarios(shipped_folder, "dev") + load_scenarios(shipped_folder, "test")
    assert not {turn.user for one in authored for turn in one.turns} & (users(traces, "test") | users(traces, "dev"))
    for world in WORLDS:
        drawn = [[world.state(Choices(Random(seed), test)) for seed in range(30)] for test in (False, True)]
        train, test, shipped = (
            {name for name in names_in(states) if len(name.split()) > 1 or name.endswith((".txt", ".md"))}
            for states in (*drawn, [one.state for one in authored if one.world == world.name])
        )
        assert not train & test, world.name
        assert not (train | test) & shipped, world.name


def test_the_folder_holds_traces_and_scenarios_and_each_step_is_learnt(tmp_path: Path, pocket: Path) -> None:
    options = TemplateOptions(mix="worlds", count=16)
    report = generate(TemplateGenerator(), options, 1, catalog(), tmp_path / "talks", HeldOut())
    assert sum(report.counts.values()) == 16
    assert not any(report.rejections.values())
    tests = load_scenarios(tmp_path / "talks")
    assert len(tests) == report.counts["test"]
    assert {one.split for one in tests} == {"test"}
    assert json.loads((tmp_path / "talks" / "manifest.json").read_text())["options"]["mix"] == "worlds"
    tokenizer, dialect = open_tokenizer(pocket), load("toolmark.dialects", "tagged")()
    learnt = list(TraceDataset(tmp_path / "talks").traces())
    assert len(learnt) == report.counts["train"]
    for trace in learnt[:3]:
        (encoded,) = conversation_sequences(trace.messages, trace.tools, dialect, tokenizer)
        written = [tokenizer.decode(ids) for _, ids in encoded.turns()]
        steps = [message for message in trace.messages if message.role == "assistant"]
        assert len(written) == len(steps)
        for text, step in zip(written, steps, strict=True):
            assert (step.tool_calls[0].name if step.tool_calls else step.content) in text
