"""Conversations of a reader through the same stages, and a third party's generator and reader by entry point."""

import json
from pathlib import Path

import pytest
from datasets import load_from_disk

from tests.benchmark.readers.samples import ANTHROPIC, GEMINI, QUESTION, lines
from tests.forked.commands import Toolmark

PLUGIN = '''
"""A reader and a generator of somebody else."""

import json

from pydantic import BaseModel, Field

from toolmark.benchmark.plugins.protocols import BadRow, Call, Message, Trace
from toolmark.benchmark.tools.catalog import catalog
from toolmark.benchmark.data.cases import Toolbox


def trace(question, value, source):
    tool = catalog()["word_count"]
    box = Toolbox(name="mine", tools=(tool.model_copy(update={"run": None}),))
    turns = (
        Message(role="user", content=question),
        Message(role="assistant", tool_calls=(Call(name="word_count", arguments={"text": question}),)),
        Message(role="tool", name="word_count", content=json.dumps(value)),
        Message(role="assistant", content=f"It has {value} words."),
    )
    return Trace(messages=turns, toolbox=box, query=question, query_type="easy", tool_name="word_count", source=source)


class Lines:
    name = "lines"

    def read(self, path):
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            if line.isupper():
                yield BadRow(path, number, "nobody shouts here")
            else:
                question, _, value = line.partition("|")
                yield trace(question, int(value), "lines")


class Options(BaseModel):
    echoes: int = Field(default=3, ge=1, description="How many times it echoes.")


from toolmark.benchmark.plugins.protocols import BaseGenerator


class Echo(BaseGenerator):
    """Conversations that echo."""

    name = "echo"
    Options = Options

    def propose(self, toolbox, options, ctx):
        for number in range(options.echoes):
            yield trace(" ".join(["echo"] * (number + 2)), number + 2, "echo")
'''


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """An environment in which the plug-in above is installed, with its entry points."""
    site = tmp_path / "site"
    info = site / "echoes-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "echoes.py").write_text(PLUGIN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: echoes\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[toolmark.generators]\necho = echoes:Echo\n\n[toolmark.readers]\nlines = echoes:Lines\n"
    )
    (tmp_path / "MANIFEST.toml").write_text("")
    return {"PYTHONPATH": str(site)}


def said(toolmark: Toolmark, environment: dict[str, str], *arguments: str, code: int = 0) -> str:
    done = toolmark(*arguments, environment=environment)
    assert done.code == code, done.said
    return done.said


def test_a_third_partys_generator_is_one_of_all(toolmark: Toolmark, installed: dict[str, str], tmp_path: Path) -> None:
    assert "echo" in said(toolmark, installed, "generate", "--help")
    shown = said(toolmark, installed, "generate", "echo", "--help")
    assert "--echoes" in shown
    assert "How many times it echoes." in shown
    manifest = ("--manifest", str(tmp_path / "MANIFEST.toml"))
    said(toolmark, installed, "generate", "echo", "--echoes", "5", *manifest, "--out", str(tmp_path / "data"))
    assert json.loads((tmp_path / "data" / "manifest.json").read_text())["options"] == {"echoes": 5}
    assert "--echoes 0" in said(toolmark, installed, "generate", "echo", "--echoes", "0", "--out", "x", code=4)


def test_a_readers_conversations_pass_the_same_stages(
    toolmark: Toolmark, installed: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "said.txt"
    file.write_text("one two three|3\nfour five|2\nsix seven eight|7\nLOUD\none two three|3\n")
    manifest = ("--manifest", str(tmp_path / "MANIFEST.toml"))
    out = tmp_path / "data"
    said(toolmark, installed, "generate", "import", "--source", f"lines:{file}", *manifest, "--out", str(out))
    report = json.loads((out / "manifest.json").read_text())
    assert report["proposed"] == 5
    assert {stage: count for stage, count in report["rejections"].items() if count} == {
        "format": 1,
        "duplicate": 1,
        "execution": 1,
    }
    assert report["unexecuted_calls"] == 0, "the catalog's implementation is bound by name and arguments"
    rejected = [json.loads(line) for line in (out / "rejected.jsonl").read_text().splitlines()]
    assert any(row["reason"] == f"{file}:4: nobody shouts here" for row in rejected)
    splits = load_from_disk(out / "traces")
    assert sorted(row["query"] for name in splits for row in splits[name]) == ["four five", "one two three"]
    unknown = said(toolmark, installed, "generate", "import", "--source", "said.txt", "--out", "x", code=4)
    assert "is not of the form NAME:PATH" in unknown


def test_a_source_with_cases_only_says_how_to_use_them(toolmark: Toolmark, tmp_path: Path) -> None:
    rows = tmp_path / "x.jsonl"
    rows.write_text(json.dumps({"query": "?", "tools": [{"name": "f"}], "answers": [{"name": "f"}]}) + "\n")
    ended = toolmark("generate", "import", "--source", f"xlam:{rows}", "--out", str(tmp_path / "data"))
    assert ended.code == 5
    assert f"toolmark eval --model MODEL --cases xlam:{rows}" in ended.said


def test_a_foreign_tool_does_not_run_the_shipped_tool_of_the_same_name(toolmark: Toolmark, tmp_path: Path) -> None:
    city = {"type": "object", "properties": {"city": {"type": "string", "description": "City"}}, "required": ["city"]}
    tool = {"name": "get_weather", "description": "Weather of a city", "parameters": city}
    call = {"name": "get_weather", "arguments": {"city": "Oslo"}}
    turns = [
        {"role": "user", "content": "Weather in Oslo?"},
        {"role": "assistant", "tool_calls": [{"function": call}]},
        {"role": "tool", "content": "rain"},
        {"role": "assistant", "content": "There is rain in Oslo."},
    ]
    chats = tmp_path / "chats.jsonl"
    chats.write_text(json.dumps({"messages": turns, "tools": [tool]}) + "\n")
    ended = toolmark("generate", "import", "--source", f"openai:{chats}", "--out", str(tmp_path / "data"))
    assert ended.code == 0, ended.said
    assert "rejected: none" in ended.said


@pytest.mark.parametrize(("reader", "good"), [("anthropic", ANTHROPIC), ("gemini", GEMINI)])
def test_logs_of_an_api_become_training_data(toolmark: Toolmark, tmp_path: Path, reader: str, good: dict) -> None:
    logs = tmp_path / "logs.jsonl"
    logs.write_text(lines(good, {"nothing": 1}))
    out = tmp_path / "data"
    ended = toolmark("generate", "import", "--source", f"{reader}:{logs}", "--out", str(out))
    assert ended.code == 0, ended.said
    (rejected,) = (json.loads(line) for line in (out / "rejected.jsonl").read_text().splitlines())
    assert (rejected["stage"], f"{logs}:2: the field " in rejected["reason"]) == ("format", True)
    splits = load_from_disk(out / "traces")
    (row,) = (row for name in splits for row in splits[name])
    turns = row["messages"] if isinstance(row["messages"], list) else json.loads(row["messages"])
    assert [turn["role"] for turn in turns] == ["system", "user", "assistant", "tool", "assistant"]
    assert (row["query"], row["tool_name"]) == (QUESTION, "get_weather")


def test_a_dataset_is_shown_and_audited(toolmark: Toolmark, installed: dict[str, str], tmp_path: Path) -> None:
    out = tmp_path / "data"
    empty = tmp_path / "MANIFEST.toml"
    said(toolmark, installed, "generate", "echo", "--echoes", "6", "--manifest", str(empty), "--out", str(out))
    shown = said(toolmark, installed, "data", "show", str(out), "--count", "2")
    assert '<tool_call>{"tool_name": "word_count"' in shown
    assert "<final_answer>It has 2 words." in shown
    clean = said(toolmark, installed, "data", "audit", str(out), "--manifest", str(empty))
    assert "leakage: none" in clean
    assert clean.rstrip().endswith("clean")
    empty.write_text('held_out_tools = ["word_count"]\n')
    leaking = said(toolmark, installed, "data", "audit", str(out), "--manifest", str(empty), code=1)
    assert "the held-out tool word_count" in leaking
    assert "has no conversation 99" in said(toolmark, installed, "data", "show", str(out), "--index", "99", code=4)
