"""Code that data names is never imported. The same code runs if the user names it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.forked.commands import Commands, Ended
from tests.trainers.made import dataset, traces
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import Tool
from toolmark.benchmark.readers.toolmark import ToolmarkReader
from toolmark.benchmark.scoring.execution import Executor
from toolmark.benchmark.tools.catalog import catalog
from toolmark.suites.lint import lint_cases

NAME = "count_words_here"
PARAMETERS = {
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
    "additionalProperties": False,
}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with code that leaves the file `ran` when it is imported. Python finds the code as a module, too."""
    folder = tmp_path / "downloaded"
    folder.mkdir()
    (folder / "stolen_helper.py").write_text(
        f"from pathlib import Path\n\nPath({str(tmp_path / 'ran')!r}).touch()\n\n\n"
        f'def {NAME}(text: str) -> int:\n    """Count the words.\n\n    Args:\n        text: A text.\n    """\n'
        "    return len(text.split())\n"
    )
    (folder / "link.py").symlink_to("stolen_helper.py")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


def written(data: Path, run: str, *, beside: bool = False, effects: str = "pure", stolen: bool = False) -> Path:
    """A file with one case. Its tool names `run`, in the row or in a `tools.yaml` beside the file.

    With `stolen`, the tool has the arguments of `timeit.timeit`, and the right call would import the code.
    """
    shape = {"type": "object", "properties": {"stmt": {"type": "string"}}} if stolen else PARAMETERS
    tool = {"name": NAME, "description": "Count.", "parameters": shape, "run": run, "effects": effects}
    call = {"name": NAME, "arguments": {"stmt": ["import stolen_helper"]} if stolen else {"text": ["a b"]}}
    row = {
        "messages": [{"role": "user", "content": "How many words has 'a b'?"}],
        "toolbox": "tools" if beside else [tool],
        "expect": {"action": "call", "any_of": [{"calls": [call]}]},
        "source": {"name": "x", "ref": "1"},
        "licence": "CC0-1.0",
    }
    for split in ("dev", "test"):
        (data / f"few.{split}.jsonl").write_text(json.dumps({**row, "split": split}) + "\n")
    if beside:
        (data / "tools.yaml").write_text(json.dumps({"tools": [tool]}))
    return data / "few.test.jsonl"


FORMS = {
    "inline file": ("{data}/stolen_helper.py:" + NAME, False, "pure"),
    "inline module": ("stolen_helper:" + NAME, False, "pure"),
    "file beside": ("stolen_helper.py:" + NAME, True, "pure"),
    "module beside": ("stolen_helper:" + NAME, True, "pure"),
    "relative path with ..": ("../downloaded/stolen_helper.py:" + NAME, True, "pure"),
    "symlink": ("link.py:" + NAME, True, "pure"),
    "server": (f"mcp:{sys.executable} {{data}}/stolen_helper.py:" + NAME, False, "read"),
}


@pytest.mark.parametrize(("run", "beside", "effects"), FORMS.values(), ids=FORMS)
def test_code_named_by_data_does_not_run_and_the_same_code_named_by_the_user_does(
    data: Path, tmp_path: Path, run: str, beside: bool, effects: str
) -> None:
    file = written(data, run.format(data=data), beside=beside, effects=effects)
    (case,) = ToolmarkReader().read(file)
    (tool,) = case.toolbox.tools
    with Executor("all") as executor:
        assert not executor.may_run(tool)
        with pytest.raises(LookupError):
            executor.run(tool, {"text": "a b"})
    findings, count, _ = lint_cases([file])
    assert count == 1
    assert [found for found in findings if found.kind in ("execution", "gold")] == []
    assert not (tmp_path / "ran").exists()
    with Executor("all", [tool]) as executor, suppress(InputError):
        executor.run(tool, {"text": "a b"})
    assert (tmp_path / "ran").exists(), "the code would have run"


@pytest.mark.parametrize(
    "run", ["timeit:timeit", "os:mkdir", "toolmark.benchmark.cli:main", "lambda: 1", "builtins:exec"]
)
def test_only_the_functions_of_the_catalog_run_by_name(data: Path, run: str) -> None:
    (case,) = ToolmarkReader().read(written(data, run))
    with Executor("all") as executor:
        assert not executor.may_run(case.toolbox.tools[0])
        (known,) = (tool for tool in catalog().tools if tool.name == "word_count")
        assert executor.run(known, {"text": "a b"}).value == 2


def test_effects_and_schema_are_those_of_the_named_tool() -> None:
    own = Tool(name="delete", parameters=PARAMETERS, run="mine:delete", effects="write")
    claimed = own.model_copy(update={"run": "other:code", "effects": "pure"})
    other = claimed.model_copy(update={"parameters": {"type": "object", "properties": {"path": {}}}})
    with Executor("pure", [own]) as executor:
        assert not executor.may_run(claimed)
    with Executor("all", [own]) as executor:
        assert executor.may_run(claimed)
        assert not executor.may_run(other)


def test_lint_says_which_option_runs_the_tools_and_then_runs_them(data: Path) -> None:
    source = data / "stolen_helper.py"
    file = written(data, f"{source}:{NAME}")
    text = file.read_text()
    assert f"--tools {source}" in str(lint_cases([file])[2])
    # The file claims that the function is pure. The function itself does not, so it needs more than `--tools`.
    assert lint_cases([file], str(source))[2] == []
    source.write_text(
        "from toolmark.benchmark.tools.effects import effects\n\n\n"
        + source.read_text().replace(f"def {NAME}", f"@effects('pure')\ndef {NAME}").replace("len(", "1 / len(0 * ")
    )
    named = data / "renamed.py"
    source.rename(named)
    file.write_text(text)
    findings = lint_cases([file], str(named))[0]
    assert any("ZeroDivisionError" in found.message for found in findings)


@pytest.fixture
def conversations(data: Path) -> Path:
    tool = {"type": "function", "function": {"name": NAME, "description": "Count.", "parameters": PARAMETERS}}
    call = {"type": "function", "function": {"name": NAME, "arguments": {"text": "a b"}}}
    turns = [
        {"role": "user", "content": "How many words has 'a b'?"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "name": NAME, "content": "2"},
        {"role": "assistant", "content": "It has 2."},
    ]
    run = f"stolen_helper:{NAME}"
    rows = [{"messages": turns, "tools": [{**tool, "run": run}], "run": run} for _ in range(3)]
    (data / "chats.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return data / "chats.jsonl"


CODE = f"stolen_helper:{NAME}"
NOT_RUN = "cannot be run, because --tools does not name them"
LINT = "cases lint downloaded"
JUDGE = "eval --model policy/oracle --cases downloaded --execute all"
VARIATIONS = {
    "an inline tool of the standard library": ("timeit:timeit", False, LINT, NOT_RUN),
    "a file, named by its whole path": ("{data}/stolen_helper.py:" + NAME, False, LINT, NOT_RUN),
    "a file in the tools.yaml beside": ("stolen_helper.py:" + NAME, True, JUDGE, NOT_RUN),
    "a module": (CODE, True, LINT, NOT_RUN),
    "an expression": ("(lambda: __import__('stolen_helper')):x", False, LINT, NOT_RUN),
    "an entry point": ("toolmark.readers:stolen", False, LINT, NOT_RUN),
    "a relative path with ..": ("../downloaded/stolen_helper.py:" + NAME, True, LINT, NOT_RUN),
    "a symbolic link": ("link.py:" + NAME, True, LINT, NOT_RUN),
    "a server": ("mcp:{python} {data}/stolen_helper.py:" + NAME, False, JUDGE, NOT_RUN),
    "shown": (CODE, True, "cases show downloaded/few.test.jsonl", NAME),
    "counted": (CODE, True, "cases stats downloaded/few.test.jsonl", NAME),
    "imported as cases": (
        *(CODE, True, "cases import toolmark:downloaded/few.test.jsonl --out x.jsonl"),
        "1 cases written",
    ),
    "imported as conversations": (
        *(CODE, True, "generate import --source openai:downloaded/chats.jsonl --out made --execute all"),
        "calls were only checked against the schema, because their tools are not allowed to run",
    ),
    "a data set that is audited": (CODE, True, "data audit downloaded", "6 conversations"),
    "a data set that is shown": (CODE, True, "data show downloaded", "tokens are learnt"),
    "a data set with a recipe": (
        *(CODE, True, "train lora --base pocket --data downloaded --out adapter --dev nowhere"),
        "nowhere",
    ),
}
"""What the data names, whether in a tools.yaml beside the cases, the command, and words that it prints."""


@pytest.fixture(scope="module")
def few_traces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The traces of a small trace dataset."""
    made = traces(6)
    return dataset(tmp_path_factory.mktemp("few") / "data", made[:4], made[4:]) / "traces"


@pytest.fixture
def poisoned(data: Path, conversations: Path, few_traces: Path) -> Path:  # noqa: ARG001 - it writes a file
    """The folder with every file that a command may find beside cases or traces."""
    shutil.copytree(few_traces, data / "traces")
    (data / "manifest.json").write_text(json.dumps({"generator": CODE, "tools": CODE, "seed": 1, "run": "lambda: 1"}))
    (data / "MANIFEST.toml").write_text(f'[held_out]\ntools = []\nrun = "{CODE}"\n[test_queries]\nhashes = []\n')
    (data / "recipe.toml").write_text(
        'base = "pocket"\n[generator]\nname = "template"\ntools = "stolen_helper.py"\n[trainer]\nname = "lora"\n'
    )
    (data / "conftest.py").write_text("import stolen_helper\n")
    about = data / "stolen-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: stolen\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[toolmark.readers]\nstolen = stolen_helper:" + NAME + "\n")
    return data


@pytest.fixture
def toolmark(warm: Commands, tmp_path: Path) -> Callable[..., Ended]:
    """`toolmark("cases", …)`: a command in the folder above the data, after which no code of the data has run."""

    def run(*arguments: str) -> Ended:
        ended = warm.start("toolmark", *arguments, cwd=tmp_path, environment={**os.environ, "COLUMNS": "200"}).wait()
        assert not (tmp_path / "ran").exists(), ended.said
        assert "Traceback" not in ended.said
        return ended

    return run


@pytest.mark.parametrize(("run", "beside", "command", "words"), VARIATIONS.values(), ids=VARIATIONS)
def test_no_command_runs_code_of_a_poisoned_folder(
    poisoned: Path, toolmark: Callable[..., Ended], run: str, beside: bool, command: str, words: str
) -> None:
    written(poisoned, run.format(data=poisoned, python=sys.executable), beside=beside, stolen=run == "timeit:timeit")
    ended = toolmark(*command.split())
    assert ended.returncode in ((4,) if words == "nowhere" else (0, 1)), ended.said
    assert words in ended.said


def test_a_report_of_a_run_runs_no_code_and_says_so_unless_the_user_trusts_the_data(
    poisoned: Path, tmp_path: Path, toolmark: Callable[..., Ended], warm: Commands
) -> None:
    written(poisoned, CODE, beside=True)
    assert toolmark(*JUDGE.split()).returncode == 0
    (run,) = (tmp_path / "runs").iterdir()
    report = ("report", str(run), "--cases", "downloaded", "--out", "r.md")
    ended = toolmark(*report)
    assert ended.returncode == 0, ended.said
    assert NOT_RUN in ended.said
    ended = warm.start("toolmark", *report, "--trust-data-tools", cwd=tmp_path, environment=os.environ).wait()
    assert ended.returncode == 0, ended.said
    assert "--trust-data-tools: Toolmark imports and runs the code" in ended.said
    assert NOT_RUN not in ended.said
    assert (tmp_path / "ran").exists(), "the code runs where the user trusts it"


@pytest.mark.slow
def test_a_training_runs_no_code_of_its_data(data: Path, tmp_path: Path, toolmark: Callable[..., Ended]) -> None:
    written(data, f"stolen_helper:{NAME}", beside=True)
    made = traces(24)
    dataset(tmp_path / "mine", made[:20], made[20:])
    (tmp_path / "mine" / "tools.yaml").write_text((data / "tools.yaml").read_text())
    chosen = ("--dev", "downloaded", "--epochs", "1")
    ended = toolmark("train", "lora", "--base", "pocket", "--data", "mine", "--out", "adapter", *chosen)
    assert ended.returncode == 0, ended.said
