"""The pipeline: what is rejected where, what is written, and that nothing leaks."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from datasets import load_from_disk

from toolmark.benchmark.core.errors import InputError, NothingToDo
from toolmark.benchmark.data.cases import Call, Message, Toolbox, query_hash
from toolmark.benchmark.data.held_out import HeldOut, held_out
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.plugins.protocols import Generation
from toolmark.benchmark.readers import BadRow
from toolmark.benchmark.readers.toolmark import ToolmarkReader
from toolmark.benchmark.scoring.execution import Executor
from toolmark.benchmark.tools.catalog import catalog
from toolmark.benchmark.tools.sources.tools_yaml import read_tools_file
from toolmark.benchmark.tools.worlds.world_session import world_sandbox
from toolmark.generators.executed_calls import ExecutedCalls
from toolmark.generators.pipeline import GenerationReport, generate
from toolmark.generators.scenario_check import ScenarioCheck
from toolmark.generators.stages import STAGES, Rejection, TraceFilter
from toolmark.generators.template import TemplateGenerator, TemplateOptions

COLUMNS = [
    "messages",
    "tools",
    "query",
    "query_type",
    "tool_needed",
    "tool_name",
    "num_tools_available",
    "case_id",
    "source",
]
NOTHING = HeldOut()


def made(out: Path, kept_out: HeldOut = NOTHING, seed: int = 1, **options: Any) -> GenerationReport:
    chosen = TemplateOptions.model_validate({"count": 300, **options})
    return generate(TemplateGenerator(), chosen, seed, catalog(), out, kept_out)


def rows(out: Path) -> list[dict[str, Any]]:
    splits = load_from_disk(out / "traces")
    return [row for name in ("train", "validation") for row in splits[name]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("generated") / "data"
    made(out, HeldOut(tools=frozenset({"char_count"})))
    return out


def test_traces_come_back_with_their_own_arguments_and_no_nulls(folder: Path) -> None:
    splits = load_from_disk(folder / "traces")
    assert list(splits) == ["train", "validation"]
    for name, split in splits.items():
        assert split.column_names == COLUMNS, name
        assert len(split) > 0
    names = set()
    for row in rows(folder):
        offered = {tool["function"]["name"]: tool["function"]["parameters"] for tool in json.loads(row["tools"])}
        assert row["num_tools_available"] == len(offered)
        for message in row["messages"]:
            for call in message.get("tool_calls", ()):
                function = call["function"]
                names.add(function["name"])
                assert set(function["arguments"]) <= set(offered[function["name"]]["properties"])
                assert None not in function["arguments"].values()
    assert len(names) > 20


def test_cases_read_back_and_no_family_of_a_test_case_is_trained_on(folder: Path) -> None:
    cases = {}
    for split in ("dev", "test"):
        read = list(ToolmarkReader().read(folder / f"cases.{split}.jsonl"))
        assert read
        assert not [row for row in read if isinstance(row, BadRow)]
        assert {case.split for case in read} == {split}
        assert {case.source.name for case in read} == {"generated/template"}
        cases[split] = read
    splits = load_from_disk(folder / "traces")
    assert {case.id for case in cases["dev"]} == set(splits["validation"]["case_id"])
    trained = set(splits["train"]["case_id"])
    assert not trained & {case.id for case in (*cases["dev"], *cases["test"])}
    assert not {case.group for case in cases["dev"]} & {case.group for case in cases["test"]}


def test_cases_share_toolboxes_by_name(tmp_path: Path) -> None:
    out = tmp_path / "shared"
    made(out, toolboxes=5, max_distractors=9)
    lines = [json.loads(line) for split in ("dev", "test") for line in (out / f"cases.{split}.jsonl").open()]
    named = Counter(line["toolbox"] for line in lines if isinstance(line["toolbox"], str))
    assert set(named) <= {f"catalog_{index}" for index in range(1, 6)}
    assert len(named) > 1
    assert max(named.values()) > 5
    assert named.total() > len(lines) / 2
    written = read_tools_file(out / "tools.yaml")
    read = {case.id: case for case in ToolmarkReader().read(out / "cases.dev.jsonl") if not isinstance(case, BadRow)}
    assert set(read) == set(load_from_disk(out / "traces")["validation"]["case_id"]), "read back, they are the same"
    for case in read.values():
        if case.toolbox.name:
            assert case.toolbox.names == written.toolboxes[case.toolbox.name]
            assert case.toolbox.tools == tuple(catalog()[name] for name in case.toolbox.names)


def test_tools_are_written_with_implementation_and_effects(folder: Path) -> None:
    read = read_tools_file(folder / "tools.yaml")
    expected = tuple(tool for tool in catalog().tools if tool.name != "char_count")
    assert read.tools == expected
    assert read.toolboxes == {"catalog": tuple(tool.name for tool in expected)}


def test_the_manifest_adds_up(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["generator"] == "template"
    assert manifest["options"]["count"] == manifest["proposed"] == 300
    assert list(manifest["rejections"]) == [
        stage for stage in STAGES if stage != "answer" or stage in manifest["rejections"]
    ]
    accepted = sum(manifest["accepted"].values())
    assert accepted == sum(manifest["query_types"].values())
    assert accepted + sum(manifest["rejections"].values()) == 300
    assert manifest["accepted"]["train"] + manifest["accepted"]["validation"] == len(rows(folder))


def test_same_seed_same_bytes(folder: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    made(again, HeldOut(tools=frozenset({"char_count"})))
    files = [{file.relative_to(root) for file in root.rglob("*") if file.is_file()} for root in (folder, again)]
    assert files[0] == files[1]
    for name in files[0]:
        assert (again / name).read_bytes() == (folder / name).read_bytes(), name


def test_a_test_query_and_a_held_out_tool_stay_out(folder: Path, tmp_path: Path) -> None:
    asked = next(row["query"] for row in rows(folder) if row["query_type"] == "easy")
    manifest = tmp_path / "MANIFEST.toml"
    shouted = f"  {asked.upper()} "
    manifest.write_text(f'held_out_tools = ["char_count"]\n[test_queries]\nhashes = ["{query_hash(shouted)}"]\n')
    report = made(tmp_path / "data", held_out(manifest))
    assert report.rejections["leakage"] == 1
    for row in rows(tmp_path / "data"):
        assert row["query"] != asked
        assert '"char_count"' not in row["tools"]


def test_pocket_brings_its_own_tools_and_writes_no_cases(tmp_path: Path) -> None:
    out = tmp_path / "pocket"
    report = made(out, mix="pocket", count=400)
    assert sorted(path.name for path in out.iterdir()) == ["README.md", "manifest.json", "tools.yaml", "traces"]
    assert read_tools_file(out / "tools.yaml").tools == ()
    assert report.unexecuted > 0
    assert {row["source"].partition("/")[0] for row in rows(out)} == {"pocket"}
    assert {row["case_id"] for row in rows(out)} == {None}


def test_an_existing_folder_is_not_written_over(folder: Path) -> None:
    before = (folder / "manifest.json").read_bytes()
    with pytest.raises(InputError, match="already exists"):
        made(folder)
    assert (folder / "manifest.json").read_bytes() == before


def test_nothing_is_left_where_everything_is_rejected(tmp_path: Path) -> None:
    class Broken(TemplateGenerator):
        def propose(self, toolbox: Toolbox, options: TemplateOptions, ctx: Generation) -> Iterator[Trace]:
            for trace in super().propose(toolbox, options, ctx):
                yield trace.model_copy(update={"messages": trace.messages[:-1]})

    with pytest.raises(NothingToDo, match=r"all 20 proposed traces were rejected \(20 format\)"):
        generate(Broken(), TemplateOptions(count=20), 1, catalog(), tmp_path / "data", NOTHING)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with Executor() as executor:
        yield executor


@pytest.fixture(scope="module")
def good(executor: Executor) -> Trace:
    options = TemplateOptions(count=200)
    proposals = TemplateGenerator().propose(catalog(), options, Generation(1, executor.run))
    return next(trace for trace in proposals if trace.tool_name == "compute_median")


def with_turn(trace: Trace, index: int, turn: Message) -> Trace:
    turns = list(trace.messages)
    turns[index] = turn
    return trace.model_copy(update={"messages": tuple(turns)})


def test_each_stage_rejects_what_it_is_for(good: Trace, executor: Executor) -> None:
    worlds = ScenarioCheck(world_sandbox())
    other = Call(name="a_tool_that_nobody_offered", arguments={})
    wrong = Call(name="compute_median", arguments={"numbers": ["three"]})
    assert good.case is not None
    planted = {
        "format": [
            with_turn(good, 1, Message(role="assistant", tool_calls=(other,))),
            good.model_copy(update={"messages": good.messages[:-1]}),
            good.model_copy(update={"messages": (good.messages[0], good.messages[1], good.messages[3])}),
            with_turn(good, 0, Message(role="user", content="something that the case does not ask")),
        ],
        "schema": [with_turn(good, 1, Message(role="assistant", tool_calls=(wrong,)))],
        "execution": [with_turn(good, 2, Message(role="tool", name="compute_median", content="-1"))],
        "answer": [with_turn(good, 3, Message(role="assistant", content="It is a very nice number."))],
    }
    for stage, traces in planted.items():
        reasons: list[Rejection] = []
        judge = TraceFilter(NOTHING, ExecutedCalls(executor), worlds, reasons.append)
        assert not any(judge.accepts(trace) for trace in traces)
        assert judge.rejections == {stage: len(traces)}
        assert {reason.stage for reason in reasons} == {stage}
        assert all(reason.reason for reason in reasons)
    leaky = TraceFilter(HeldOut(tools=frozenset({"compute_median"})), ExecutedCalls(executor), worlds)
    assert not leaky.accepts(good)
    assert leaky.rejections == {"leakage": 1}
    twice = TraceFilter(NOTHING, ExecutedCalls(executor), worlds)
    shouted = good.case.messages[0].model_copy(update={"content": good.query.upper() + "!"})
    nearly = with_turn(good, 0, shouted).model_copy(
        update={"case": good.case.model_copy(update={"messages": (shouted,)})}
    )
    assert [twice.accepts(trace) for trace in (good, good, nearly)] == [True, False, False]
    assert twice.rejections == {"duplicate": 2}
