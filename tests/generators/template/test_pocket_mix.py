"""The mix `pocket`: copyable, readable, and free of the catalog."""

import json
import re
from collections import Counter
from itertools import pairwise

import pytest

from toolmark.benchmark.data.cases import Toolbox
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.plugins.protocols import Generation
from toolmark.benchmark.tools.catalog import catalog
from toolmark.benchmark.tools.schemas import compile_schema, problems
from toolmark.generators.template import TemplateGenerator, TemplateOptions
from toolmark.generators.template.pocket import FIRST_STAGE, pocket_traces
from toolmark.generators.template.words import words

COUNT = 3000
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@pytest.fixture(scope="module")
def traces() -> list[Trace]:
    return list(pocket_traces(seed=7, count=COUNT))


def dumped(traces: list[Trace]) -> list[str]:
    return [json.dumps(trace.model_dump(mode="json"), ensure_ascii=False) for trace in traces]


def test_same_seed_same_traces_and_another_seed_others(traces: list[Trace]) -> None:
    assert dumped(list(pocket_traces(7, COUNT))) == dumped(traces)
    assert dumped(list(pocket_traces(8, COUNT))) != dumped(traces)


def test_traces_that_were_built_unvalidated_are_valid(traces: list[Trace]) -> None:
    for trace in traces:
        assert Trace.model_validate(trace.model_dump()) == trace


def test_no_name_of_the_catalog_can_be_made() -> None:
    known = words()
    taken = set(catalog().names)
    made = {
        name
        for action in known.actions
        for verb in action.name
        for subject in known.subjects
        for name in (
            f"{verb}_{subject.name}",
            f"{subject.name}_{verb}",
            f"{subject.domain}_{verb}_{subject.name}",
        )
    }
    assert not made & taken


def test_no_catalog_tool_is_offered_or_named(traces: list[Trace]) -> None:
    names = [name for name in catalog().names if "_" in name]
    for trace, text in zip(traces, dumped(traces), strict=True):
        assert not any(name in text for name in names)
        assert "calculator" not in {tool.name for tool in trace.tools}


def test_copying_and_short_lists_come_first_then_half_and_half(traces: list[Trace]) -> None:
    border = int(COUNT * FIRST_STAGE)
    first, second = traces[:border], traces[border:]

    def share(part: list[Trace], source: str) -> float:
        return Counter(trace.source for trace in part)[source] / len(part)

    assert share(first, "pocket/copy") + share(first, "pocket/choose") == pytest.approx(0.85, abs=0.04)
    assert share(second, "pocket/copy") + share(second, "pocket/choose") == pytest.approx(0.5, abs=0.04)
    kinds = ("copy", "choose", "chat", "call", "abstain")
    assert {trace.source for trace in second} == {f"pocket/{kind}" for kind in kinds}
    assert max(len(trace.tools) for trace in first) <= 2
    assert max(len(trace.tools) for trace in second) >= 18


def test_every_query_type_of_abstention_is_there(traces: list[Trace]) -> None:
    kinds = {trace.query_type for trace in traces if trace.source == "pocket/abstain"}
    assert kinds == {"no_tool_fits", "missing_argument", "already_answered"}


def test_calls_are_valid_and_their_strings_stand_in_the_query(traces: list[Trace]) -> None:
    calls = [trace for trace in traces if trace.source == "pocket/call"]
    assert len(calls) > 400
    for trace in calls:
        for call in trace.messages[1].tool_calls:
            tool = trace.toolbox[call.name]
            assert problems(call.arguments, compile_schema(tool.parameters)) == []
            for value in call.arguments.values():
                for leaf in value if isinstance(value, list) else [value]:
                    copied = str(leaf) in trace.query or isinstance(leaf, bool)
                    assert copied or DATE.fullmatch(str(leaf)), (trace.query, leaf)


def test_one_tool_fits_a_call_and_none_fits_where_none_should(traces: list[Trace]) -> None:
    for trace in traces:
        names = [tool.name for tool in trace.tools]
        assert len(set(names)) == len(names)
        if trace.query_type == "no_tool_fits":
            assert not any(message.tool_calls for message in trace.messages)
        if trace.query_type == "missing_argument":
            assert trace.tool_name in names


def test_values_are_fresh(traces: list[Trace]) -> None:
    copied = [trace.query for trace in traces if trace.source == "pocket/copy"]
    assert len(set(copied)) > 0.97 * len(copied)
    shapes = {re.sub(r"\w+", "w", query)[:60] for query in copied}
    assert len(shapes) > 400


def test_results_come_back_in_the_answer(traces: list[Trace]) -> None:
    for trace in traces:
        for returned, answer in pairwise(trace.messages):
            if returned.role == "tool" and answer.role == "assistant":
                content = json.loads(returned.content)
                leaves = content.values() if isinstance(content, dict) else [content]
                assert any(str(leaf) in answer.content for leaf in leaves)


def test_the_plug_in_needs_no_toolbox_for_it() -> None:
    def never(*_: object) -> None:
        raise AssertionError("made tools have nothing to run")

    options = TemplateOptions(mix="pocket", count=20)
    made = TemplateGenerator().propose(Toolbox(name="none", tools=()), options, Generation(seed=7, execute=never))
    assert dumped(list(made)) == dumped(list(pocket_traces(7, 20)))
