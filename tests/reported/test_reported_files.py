"""Small files that were rebuilt from public bug reports, each with what is right. The files are not in the repository.

Other members of each kind are beside the code that reads them: `tests/benchmark/readers/test_conversations.py`,
`tests/benchmark/readers/test_rows.py`, `tests/benchmark/tools/test_sources_and_names.py`,
`tests/benchmark/tools/test_bad_tools.py`, `tests/generators/template/test_recursive_schemas.py`.
"""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest

from toolmark.benchmark.data.cases import Call, Case, ExpectCall, Toolbox
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.evaluation.evaluate import evaluate
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.plugins.protocols import Generation
from toolmark.benchmark.readers import BadRow
from toolmark.benchmark.readers.case_selection import open_reader
from toolmark.benchmark.tools.schemas import problems, validator_of
from toolmark.benchmark.tools.toolbox_names import read_source
from toolmark.generators.commands.generate import _toolbox_of
from toolmark.generators.import_generator import ImportGenerator, ImportOptions
from toolmark.generators.template.schema.described_tool import DescribedTool

REPORTED = Path(__file__).parents[4] / "shared" / "data" / "reported"

pytestmark = pytest.mark.skipif(not REPORTED.is_dir(), reason="the reported files are not at hand")

OSLO = Call(name="get_weather", arguments={"city": "Oslo"})
BERGEN = Call(name="get_weather", arguments={"city": "Bergen"})


def rows(source: str) -> list[Case | Trace | BadRow]:
    reader, _, name = source.partition(":")
    found, path = open_reader(f"{reader}:{REPORTED / name}")
    return list(found.read(path))


def gold(row: Any) -> list[Call]:
    case = row.case if isinstance(row, Trace) else row
    assert isinstance(case, Case), row
    assert isinstance(case.expect, ExpectCall), case.expect
    (option,) = case.expect.any_of
    return [
        Call(name=spec.name, arguments={k: rule.of[0] for k, rule in spec.arguments.items()}) for spec in option.calls
    ]


def judged(recording: str, cases: str, folder: Path, **options: Any) -> Any:
    request = Request(models=(f"replay/{REPORTED / recording}",), cases=cases, runs=folder, **options)
    return evaluate(request, logs=False).contestants[0]


@pytest.mark.parametrize(
    ("recording", "cases", "metric", "score", "n"),
    [
        ("think_in_argument.jsonl", str(REPORTED / "cases_write.jsonl"), "validity.call", 1, 2),
        ("ollama_dict.jsonl", str(REPORTED / "cases_weather.jsonl"), "validity.call", 1, 1),
        ("openai_resp.jsonl", str(REPORTED / "cases_weather.jsonl"), "validity.call", 1, 1),
        ("bom_replay.jsonl", str(REPORTED / "bom_cases.jsonl"), "validity.call", 1, 1),
        ("gpt_then_call_right.jsonl", f"sharegpt:{REPORTED / 'gpt_then_call.json'}", "validity.call", 1, 1),
        ("null_right.jsonl", f"trl:{REPORTED / 'trl_args_struct.parquet'}", "validity.call", 1, 3),
    ],
)
def test_right_answers_are_right(tmp_path: Path, recording: str, cases: str, metric: str, score: float, n: int) -> None:
    figure = judged(recording, cases, tmp_path).figures[metric]
    assert (figure.score, figure.n) == (score, n)


@pytest.mark.parametrize(("recording", "malformed"), [("foreign_calls.jsonl", 1), ("foreign_gemma4.jsonl", 0)])
def test_a_call_in_another_familys_form_is_no_abstention(tmp_path: Path, recording: str, malformed: int) -> None:
    """The dialect `native` reads the forms of the second file, so their outcome is `call`."""
    figures = judged(recording, str(REPORTED / "cases_weather.jsonl"), tmp_path).figures
    assert (figures["timing.malformed"].score, figures["timing.malformed"].n) == (malformed, 2)
    assert (figures["timing.restraint"].score, figures["timing.restraint"].n) == (0, 1)


@pytest.mark.parametrize(
    ("source", "calls"),
    [
        ("sharegpt:toolace.json", None),
        ("sharegpt:glaive_sharegpt.jsonl", None),
        ("openai:qwen_baked.jsonl", [OSLO]),
        ("trl:qwen_baked.jsonl", [OSLO]),
        ("sharegpt:gpt_then_call.json", [OSLO]),
        ("openai:openai_two_turns.jsonl", [OSLO]),
        ("sharegpt:gpt_then_call_own.json", [OSLO.model_copy(update={"name": "sky_over"})]),
        ("sharegpt:two_calls_turns.json", [OSLO, BERGEN]),
        ("openai:weight0.jsonl", [OSLO]),
        ("sharegpt:bom.json", [OSLO]),
        ("openai:bom.jsonl", [OSLO]),
        ("openai:clarify_first.jsonl", [OSLO]),
        ("openai:system_mid.jsonl", None),
    ],
)
def test_what_a_conversation_becomes(source: str, calls: list[Call] | None) -> None:
    (row,) = rows(source)
    dropped: list[str] = []
    reader, _, name = source.partition(":")
    context = Generation(1, lambda *_: None, drop=lambda *said: dropped.append(said[1]))
    options = ImportOptions(source=f"{reader}:{REPORTED / name}")
    box = read_source(REPORTED / "tools_openai.json")
    taken = list(ImportGenerator().propose(Toolbox(name="own", tools=box.tools), options, context))
    if calls is None:
        assert isinstance(row, BadRow), row
        assert (taken, len(dropped)) == ([], 1)
        return
    assert gold(row) == calls
    (trace,) = taken
    learnt = [call for _, turn in trace.turns_to_learn() for call in turn.tool_calls]
    assert learnt == calls


@pytest.mark.parametrize(
    "source",
    ["trl:trl_args_struct.parquet", "trl:trl_to_json.jsonl", "trl:trl_struct.parquet", "xlam:xlam_struct.parquet"],
)
def test_nulls_that_a_table_added_are_not_content(source: str) -> None:
    for row in rows(source):
        calls = gold(row)
        assert calls
        assert "null" not in json.dumps([dict(call.arguments) for call in calls])


@pytest.mark.parametrize(
    ("file", "offered", "warnings"),
    [
        ("bundled.yaml", 4, []),
        ("bundled_index_only.yaml", 2, []),
        ("bundled_percent_only.yaml", 3, []),
        ("collide.yaml", 1, ["replaceUser has two arguments called 'id'"]),
        ("longname.yaml", 2, ["has 96 characters"]),
        ("lookahead.yaml", 1, ["uses look-around"]),
        ("recursive_oneof.yaml", None, []),
        *((f"recursive_v{number}.yaml", None, []) for number in range(1, 5)),
        ("anyof_root.yaml", 1, []),
        ("anyof_root_typed.yaml", 1, []),
        ("bom.yaml", None, []),
        ("tools_openai.json", 1, []),
        ("tools_openai.yaml", 1, []),
        ("py_tools.py", 4, []),
        ("zodref.yaml", 2, []),
        ("pathitem_allof.yaml", None, ["has no description"]),
        ("multipart.yaml", None, ["is not JSON"]),
    ],
)
def test_the_good_tools_of_a_file_are_offered(file: str, offered: int | None, warnings: list[str]) -> None:
    toolbox, said = _toolbox_of(str(REPORTED / file))
    assert len(toolbox.tools) == offered or (offered is None and toolbox.tools)
    for warning in warnings:
        assert any(warning in line for line in said), said
    assert warnings or not [line for line in said if "not offered" in line or "has no description" in line], said
    for tool in toolbox.tools:
        described = DescribedTool(tool)
        for seed in range(5):
            assert not problems(described.question(Random(seed), "easy").draw.arguments, validator_of(tool))


def test_the_good_tools_of_a_server_are_offered() -> None:
    pytest.importorskip("mcp")
    server = shlex.join([sys.executable, str(REPORTED / "mcp_bad.py")])
    toolbox, said = _toolbox_of(f"mcp:{server} 0,1")
    assert toolbox.tools[0].name == "ping"
    assert len(toolbox.tools) == 1
    assert any("session.pause" in line and "not offered" in line for line in said)


def test_a_schema_that_is_a_choice_at_its_root_is_kept() -> None:
    for file in ("anyof_root.yaml", "anyof_root_typed.yaml"):
        (tool,) = read_source(REPORTED / file).tools
        assert not problems({"id": 3}, validator_of(tool))
        assert problems({}, validator_of(tool))


def test_the_text_of_an_annotation_describes_the_argument() -> None:
    tool = read_source(REPORTED / "py_tools.py").tools[0]
    assert tool.parameters["properties"]["city"]["description"] == "Name of the city"  # type: ignore[index, call-overload]
