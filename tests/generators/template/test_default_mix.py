"""The mix `default`: right calls that run, plain words where no call is right, and many ways to ask."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator

import pytest
from pydantic import ValidationError

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import Abstain, Tool, Toolbox
from toolmark.benchmark.data.held_out import held_out, shipped_manifest
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.dialects.json import Json
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.plugins.protocols import Generation
from toolmark.benchmark.scoring.execution import Executor
from toolmark.benchmark.scoring.gold import GoldProof
from toolmark.benchmark.tools.catalog import catalog
from toolmark.benchmark.tools.schemas import compile_schema, problems
from toolmark.generators.executed_calls import ExecutedCalls
from toolmark.generators.template import TemplateGenerator, TemplateOptions
from toolmark.generators.template.default import SHARES
from toolmark.generators.template.default.draws import DRAWERS
from toolmark.generators.template.default.phrasings import phrasings
from toolmark.generators.template.default.question_makers import question_makers

HELD_OUT = held_out(shipped_manifest()).tools
SEEN = Toolbox(name="seen", tools=tuple(tool for tool in catalog().tools if tool.name not in HELD_OUT))


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with Executor() as executor:
        yield executor


def proposed(executor: Executor, toolbox: Toolbox = SEEN, seed: int = 3, **options: object) -> list[Trace]:
    chosen = TemplateOptions.model_validate(options)
    return list(TemplateGenerator().propose(toolbox, chosen, Generation(seed, ExecutedCalls(executor).run)))


@pytest.fixture(scope="module")
def traces(executor: Executor) -> list[Trace]:
    return proposed(executor, count=2500, typos=0, casual=0)


def called(traces: list[Trace]) -> list[Trace]:
    return [trace for trace in traces if trace.query_type in ("easy", "hard")]


def test_every_tool_with_phrasings_has_a_drawer_and_none_is_held_out() -> None:
    assert set(phrasings()) == set(DRAWERS)
    assert set(phrasings()) <= set(SEEN.names)
    assert len(HELD_OUT) == 8
    for known in phrasings().values():
        assert len(set(known.easy)) >= 8, known.tool
        assert len(set(known.hard)) >= 5, known.tool
        assert set(known.missing) <= set(SEEN[known.tool].parameters["properties"]), known.tool
        required = set(SEEN[known.tool].parameters.get("required", ()))
        assert set(known.missing) <= required, known.tool
        assert set(known.rivals) <= set(SEEN.names), known.tool


def test_a_phrasing_that_leaves_an_argument_out_has_no_slot_for_it() -> None:
    for known in phrasings().values():
        for missing, texts in known.missing.items():
            assert not any(f"{{{missing}" in text for text in texts), (known.tool, missing)


def test_a_new_catalog_tool_needs_no_phrasings(executor: Executor, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = {"type": "object", "properties": {"boat": {"type": "string"}}, "required": ["boat"]}
    new = Tool(name="polish_boat", description="Polish a boat.", parameters=schema)
    grown = Toolbox(name="catalog", tools=(*catalog().tools, new))
    for module in ("generator", "default.question_makers"):
        monkeypatch.setattr(f"toolmark.generators.template.{module}.catalog", lambda: grown)
    seen = Toolbox(name="seen", tools=(*SEEN.tools, new))
    asked = [trace for trace in called(proposed(executor, seen, count=600)) if trace.tool_name == new.name]
    assert asked
    assert len({trace.query for trace in asked}) == len(asked)
    own = Toolbox(name="mine", tools=(Tool(name="sing", description="Sing a song.", parameters=schema),))
    offered = proposed(executor, own, count=60, borrow="catalog", min_distractors=30, max_distractors=30)
    names = {name for trace in offered for name in trace.toolbox.names}
    assert new.name in names
    assert not HELD_OUT & names


def test_tools_that_do_the_same_are_rivals_of_each_other() -> None:
    counting = Tool(name="count_words", description="Count the number of words in a text.", parameters={})
    makers, _ = question_makers(Toolbox(name="both", tools=(catalog()["word_count"], counting, catalog()["sort_list"])))
    assert makers["count_words"].rivals == ("word_count",)
    assert makers["word_count"].rivals.count("count_words") == 1
    assert "count_words" not in makers["sort_list"].rivals


def test_every_query_type_and_every_tool_occurs(traces: list[Trace]) -> None:
    assert {trace.query_type for trace in traces} == set(SHARES)
    assert {trace.tool_name for trace in called(traces)} == set(SEEN.names)


def test_nothing_held_out_is_offered_or_named(traces: list[Trace]) -> None:
    for trace in traces:
        assert not HELD_OUT & set(trace.toolbox.names)
        said = " ".join(message.content for message in trace.messages)
        assert not any(name in said for name in HELD_OUT)


def test_gold_calls_are_valid_and_their_real_result_is_told(traces: list[Trace], executor: Executor) -> None:
    for trace in called(traces):
        (call,) = trace.messages[1].tool_calls
        tool = trace.toolbox[call.name]
        assert problems(call.arguments, compile_schema(tool.parameters)) == []
        result = executor.run(tool, call.arguments)
        assert result.kind == "ok", (trace.query, result.error)
        assert json.loads(trace.messages[2].content) == result.value
        assert trace.messages[3].content


@pytest.mark.parametrize("dialect", [Json(), Tagged()], ids=lambda dialect: dialect.name)
def test_every_case_proves_its_gold(traces: list[Trace], executor: Executor, dialect: Json | Tagged) -> None:
    cases = [trace.case for trace in traces[:400] if trace.case is not None]
    assert len(cases) == 400
    for metric in ("validity.call", "timing.restraint"):
        assert GoldProof(cases, dialect, executor).faults(metric) == []


def test_abstentions_say_why_and_leave_nothing_that_fits(traces: list[Trace]) -> None:
    for trace in traces:
        assert trace.case is not None
        gold = trace.case.expect
        if not isinstance(gold, Abstain):
            continue
        assert not trace.messages[-1].tool_calls
        if gold.reason == "missing_argument":
            assert gold.tool in trace.toolbox.names
            assert gold.missing in trace.toolbox[str(gold.tool)].parameters["required"]
        if gold.reason == "no_tool_fits" and "tool" in trace.case.tags:
            maker = question_makers(SEEN)[0][str(trace.case.tags["tool"])]
            assert not {maker.name, *maker.rivals} & set(trace.toolbox.names)


def test_each_tool_is_asked_for_in_many_ways(traces: list[Trace]) -> None:
    skeletons: dict[str, set[str]] = defaultdict(set)
    for trace in called(traces):
        values = set(re.findall(r"\w+", json.dumps(trace.messages[1].tool_calls[0].arguments, ensure_ascii=False)))
        kept = [word for word in re.findall(r"[^\W\d]+", trace.query) if word not in values]
        skeletons[str(trace.tool_name)].add(" ".join(kept))
    assert {tool: len(found) for tool, found in skeletons.items() if len(found) < 12} == {}


def test_distractors_keep_to_the_bounds(executor: Executor) -> None:
    for trace in called(proposed(executor, count=200, min_distractors=2, max_distractors=4)):
        assert 3 <= len(trace.tools) <= 5


def test_shares_are_kept_and_what_is_not_named_is_left_out(executor: Executor) -> None:
    kinds = Counter(trace.query_type for trace in proposed(executor, count=400, shares={"easy": 3, "no_tool": 1}))
    assert set(kinds) == {"easy", "no_tool"}
    assert 250 < kinds["easy"] < 350
    with pytest.raises(ValidationError, match="no query type has the name esay; the types are easy, hard"):
        TemplateOptions.model_validate({"shares": {"esay": 1}})
    with pytest.raises(ValidationError, match="every share must be at least 0, and one share must be above 0"):
        TemplateOptions.model_validate({"shares": {"easy": 0}})


def test_calls_end_their_conversation_where_no_answer_is_wanted(executor: Executor) -> None:
    some = proposed(executor, count=400, answered=0.25)
    ended = [len(trace.messages) == 2 for trace in called(some)]
    assert 0.6 < sum(ended) / len(ended) < 0.9
    assert {len(trace.messages) for trace in some if trace.query_type == "already_answered"} == {6}
    whole = proposed(executor, count=400)
    assert all(short.messages == long.messages[: len(short.messages)] for short, long in zip(some, whole, strict=True))


def test_slips_and_casual_style_leave_the_gold_alone(executor: Executor, traces: list[Trace]) -> None:
    sloppy = proposed(executor, count=300, typos=1, casual=1)
    cases = [trace.case for trace in sloppy if trace.case is not None]
    assert GoldProof(cases, Json(), executor).faults("validity.call") == []
    assert {trace.query for trace in sloppy} - {trace.query for trace in traces}


def test_same_seed_same_traces(executor: Executor) -> None:
    first, second = ([trace.model_dump_json() for trace in proposed(executor, seed=5, count=150)] for _ in range(2))
    assert first == second


def test_a_toolbox_of_which_nothing_can_be_asked_is_refused(executor: Executor) -> None:
    impossible = {"type": "object", "properties": {"x": {"type": "string", "minLength": 9000}}, "required": ["x"]}
    alone = Toolbox(name="mine", tools=(Tool(name="polish_boots", description="Polish.", parameters=impossible),))
    with pytest.raises(InputError, match="cannot make questions for any tool of the toolbox 'mine'"):
        proposed(executor, toolbox=alone)
