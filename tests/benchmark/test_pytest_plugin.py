"""The pytest door: what a user types, what they get, and with which exit code."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from toolmark.benchmark.runs.ledger import Ledger

ROOT = Path(__file__).parents[2]
N = 5
FEW = ("--model", "pocket", "--max-tokens", "64", "--limit", str(N), "-k", "not gold")


def table(output: str) -> list[str]:
    """The rows of the summary, without times."""
    return [
        " ".join(line.split()) for line in output.splitlines() if re.match(r"(timing|selection|validity|guard)\.", line)
    ]


def cold(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Python in a new process, which imports everything itself."""
    variables = {**os.environ, "COLUMNS": "200"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, timeout=240, check=False)


def test_same_table_fresh_reused_and_replayed(suites, few_cases, tmp_path):
    runs = tmp_path / "runs"
    command = ["-m", "pytest", "suites/", *FEW, "--cases", str(few_cases), "--fresh", "--runs", str(runs)]
    first = cold(*command, "-p", "no:cacheprovider", cwd=ROOT)
    assert first.returncode == 0, first.stdout + first.stderr
    assert f"{N} generated, 0 reused" in first.stdout
    reused = suites(*FEW, runs=runs)
    assert f"0 generated, {N} reused" in reused.stdout
    (ledger,) = runs.glob("*/ledger.jsonl")
    replayed = suites("--model", f"replay/{ledger}", *FEW[4:], runs=runs)
    assert len(table(first.stdout)) > 10
    tables = [table(run.stdout) for run in (first, reused, replayed)]
    assert tables[0] == tables[1] == tables[2]
    assert list(runs.glob("pocket-*/*.eval"))


CASE = {
    "messages": [{"role": "user", "content": "What is 2 + 2?"}],
    "toolbox": [{"name": "add", "description": "Add.", "parameters": {"type": "object", "properties": {}}}],
    "expect": {"action": "call", "any_of": [{"calls": [{"name": "add"}]}]},
    "source": {"name": "test", "ref": "1"},
    "licence": "CC0-1.0",
}


def case(**changes: object) -> str:
    return json.dumps({**CASE, **changes})


def tool(parameters: object) -> str:
    return case(toolbox=[{"name": "add", "description": "", "parameters": parameters}])


def message(content: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": content}]


@pytest.mark.parametrize(
    ("arguments", "cases", "code", "said"),
    [
        pytest.param(["--model", "pockt"], None, 4, "Did you mean pocket", id="no such model"),
        pytest.param(["--model", "Qwen/Qwen3-0.6B"], None, 69, "hf download Qwen/Qwen3-0.6B", id="hub without network"),
        pytest.param(["--model", "gemma-3-1b-it"], None, 69, "Accept its licence at", id="gated without token"),
        pytest.param(["--model", "tests"], None, 4, "without config.json", id="directory that is no model"),
        pytest.param(["--model", "pocket"], case()[:-9], 4, "cases.jsonl:1:", id="broken case file"),
        pytest.param(["--model", "pocket"], case(expect={"action": "cal"}), 4, "cases.jsonl:1:", id="unknown action"),
        pytest.param(
            ["--model", "pocket"], f"{case()}\n{case()}", 4, "the same messages and tools", id="duplicate ids"
        ),
        pytest.param(
            ["--model", "pocket"], tool({"type": "nothing"}), 4, "not a valid JSON Schema", id="invalid schema"
        ),
        pytest.param(["--model", "pocket"], tool({"$ref": "http://x.invalid/s"}), 4, "$ref", id="remote reference"),
        pytest.param(["--model", "pocket"], "\n", 5, "no case", id="no case"),
        pytest.param(["--model", "pocket", "--limit", "0"], None, 4, "--limit 0", id="limit 0"),
        pytest.param(["--model", "pocket", "--runs", "/proc/no"], None, 69, "--runs DIR", id="unwritable runs"),
        pytest.param(
            ["--model", "pocket"], case(messages=message("x y z " * 9000)), 4, "--skip-too-long", id="too long"
        ),
        pytest.param(["--model", "pocket", "--floor", "timing.recal=1"], None, 4, "timing.recall", id="unknown floor"),
        pytest.param([], None, 4, "--model pocket", id="no candidate"),
    ],
)
def test_wrong_input_is_one_line_with_its_fix(suites, tmp_path, monkeypatch, arguments, cases, code, said):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    if cases is not None:
        (tmp_path / "cases.jsonl").write_text(cases)
        arguments = [*arguments, "--cases", str(tmp_path / "cases.jsonl")]
    run = suites("-q", *arguments)
    errors = [line for line in run.stderr.splitlines() if line]
    assert (run.returncode, len(errors)) == (code, 1), run.stdout + run.stderr
    assert said in errors[0]
    assert "Traceback" not in run.stdout + run.stderr


def test_two_runs_in_one_directory(suites, tmp_path):
    suites("--model", "pocket", "--limit", "1", "-k", "recall")
    (folder,) = (tmp_path / "runs").iterdir()
    with Ledger(folder):
        second = suites("--model", "pocket", "--limit", "1", "-k", "recall")
    assert second.returncode == 69
    assert f"another run is writing to {folder}" in second.stderr


def test_too_long_prompts_are_dropped_and_counted_when_asked(suites, tmp_path):
    long, short = case(messages=message("x y z " * 9000)), case()
    (tmp_path / "cases.jsonl").write_text(f"{long}\n{short}")
    run = suites("--model", "pocket", "--cases", str(tmp_path / "cases.jsonl"), "--skip-too-long", "-k", "stops")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "1 cases were left out, because they are too long for the model" in run.stdout


def test_floors_decide_fail_and_skip(suites, tmp_path):
    """A replay with 6 of 8 calls: a floor far above fails, one in the interval is inconclusive, one below passes."""
    replay, cases = recorded(tmp_path, calls=6, of=8)
    base = ("--model", f"replay/{replay}", "--cases", str(cases), "-k", "recall and not gold", "-rs")
    assert suites(*base, "--floor", "timing.recall=0.99").returncode == 1
    inconclusive = suites(*base, "--floor", "timing.recall=0.75")
    assert inconclusive.returncode == 0
    assert "inconclusive: timing.recall = 0.750 [0.409, 0.929], n = 8" in inconclusive.stdout
    assert suites(*base, "--floor", "timing.recall=0.75", "--inconclusive", "fail").returncode == 1
    passed = suites(*base, "--floor", "timing.recall=0.4", "--junitxml", str(tmp_path / "junit.xml"))
    assert "1 passed" in passed.stdout
    assert '<property name="score" value="0.75" />' in (tmp_path / "junit.xml").read_text()


def recorded(folder: Path, calls: int, of: int) -> tuple[Path, Path]:
    """A ledger in which the first `calls` of `of` cases are answered with the right call, and the rest with words."""
    from toolmark.benchmark.data.completions import Completion
    from toolmark.benchmark.readers.toolmark import ToolmarkReader

    cases = folder / "eight.jsonl"
    cases.write_text("\n".join(case(messages=message(f"Add {n} and {n}.")) for n in range(of)))
    right = Completion('<tool_call>{"tool_name": "add", "args": {}}</tool_call>')
    with Ledger(folder / "recorded") as ledger:
        ledger.open_session({"identity": {"dialect": "tagged/1"}, "environment": {}})
        for n, row in enumerate(ToolmarkReader().read(cases)):
            ledger.append([(str(n), row.id, 1, right if n < calls else Completion("No."))])
    return ledger.path, cases


def test_workers_are_refused_with_a_reason(suites, tmp_path):
    replay, cases = recorded(tmp_path, calls=1, of=1)
    refused = suites("-n", "2", "--model", f"replay/{replay}", "--cases", str(cases))
    assert (refused.returncode, refused.stderr.count("\n")) == (4, 1)
    assert "Leave -n out" in refused.stderr


@pytest.mark.slow
def test_with_workers_and_a_candidate_from_a_file_only_the_checks_fail(suites, tmp_path):
    """The other tests of a project may use -n."""
    replay, cases = recorded(tmp_path, calls=1, of=1)
    settings = str(settings_file(tmp_path, replay, cases))
    configured = suites("-n", "1", "-k", "stops", "-c", settings, f"--rootdir={ROOT}")
    assert configured.returncode == 1, configured.stdout + configured.stderr
    assert "Leave -n out" in configured.stdout


def settings_file(folder: Path, replay: Path, cases: Path) -> Path:
    """The project's own pytest settings, with a candidate beside them."""
    named = f'\n[tool.toolmark]\nmodel = ["replay/{replay}"]\ncases = "{cases}"\n'
    (folder / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text() + named)
    return folder / "pyproject.toml"


def test_no_torch_at_collection_help_or_replay(warm_without_torch, tmp_path):
    """Each in a process that cannot import torch at all."""
    replay, cases = recorded(tmp_path, calls=1, of=1)
    blocked = tmp_path / "blocked"
    for name in ("torch", "transformers", "peft"):
        (blocked / name).mkdir(parents=True)
        (blocked / name / "__init__.py").write_text("raise ImportError('blocked by the test')")
    environment = {"PYTHONPATH": str(blocked), "PATH": "", "COLUMNS": "200"}
    door = ["suites/", "-p", "no:cacheprovider", "--runs", str(tmp_path / "runs")]
    imported = tmp_path / "test_imported.py"
    imported.write_text("import sys\ndef test_a_fork_has_no_torch(): assert 'torch' not in sys.modules")
    for command in (
        ["pytest", "-p", "no:cacheprovider", "-p", "toolmark.benchmark.pytest_plugin", str(imported)],
        ["pytest", *door, "--collect-only", "-q", "--model", "pocket"],
        ["pytest", *door, "--model", f"replay/{replay}", "--cases", str(cases)],
        ["pytest", *door, "--help"],
        ["pytest", *door, "--model", "policy/lexical", "--model", "policy/oracle", "--limit", "8", "-k", "not gold"],
        ["toolmark", "train", "--help"],
    ):
        ended = warm_without_torch.start(*command, environment=environment).wait()
        assert ended.returncode == 0, ended.said


def test_from_another_directory_and_with_foreign_options(warm_without_torch, tmp_path):
    """`-p … --pyargs toolmark.suites` works anywhere, and does not run a model directory's conftest.py."""
    replay, cases = recorded(tmp_path, calls=1, of=1)
    (replay.parent / "conftest.py").write_text("raise SystemExit('a model directory was executed')")
    command = ["pytest", "-p", "toolmark.benchmark.pytest_plugin", "--pyargs", "toolmark.suites", "-q"]
    command += ["--model", str(replay.parent), "--cases", str(cases)]
    run = warm_without_torch.start(*command, cwd=tmp_path).wait()
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.slow
def test_inspect_runs_a_suite_with_its_own_models(served, tmp_path):
    """`inspect eval suites/test_timing.py --model …` asks the model itself and scores with our judge."""
    command = ["-m", "inspect_ai", "eval", "suites/test_timing.py", "--model", served]
    command += ["-T", "limit=6", "--log-dir", str(tmp_path), "--log-format", "json", "--display", "plain"]
    run = cold(*command, cwd=ROOT)
    assert run.returncode == 0, run.stdout + run.stderr
    (log,) = tmp_path.glob("*.json")
    scored = json.loads(log.read_text())
    assert scored["status"] == "success"
    assert {score["name"] for score in scored["results"]["scores"]} == {"timing.recall", "timing.restraint"}
