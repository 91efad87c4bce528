"""`toolmark report` and `pytest --report`, as a user types them."""

from __future__ import annotations

import gzip
import json
import os
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.forked.commands import Commands, Ended

ROOT = Path(__file__).parents[2]
POCKET = ROOT / "docs" / "replays" / "pocket.jsonl.gz"


@pytest.fixture
def toolmark(warm_without_torch: Commands, tmp_path: Path) -> Any:
    """`toolmark("report", …)`: in a process that cannot import torch, under `tmp_path`."""
    blocked = tmp_path / "blocked" / "torch"
    blocked.mkdir(parents=True)
    (blocked / "__init__.py").write_text("raise ImportError('blocked by the test')")

    def run(*arguments: str, **environment: str) -> Ended:
        variables = {"PYTHONPATH": str(blocked.parent), "PATH": "", "SOURCE_DATE_EPOCH": "1790000000", **environment}
        return warm_without_torch.start("toolmark", *arguments, cwd=tmp_path, environment=variables).wait()

    return run


@pytest.fixture
def worse(tmp_path: Path) -> Path:
    """A run in which pocket gives up on every second case."""
    lines = gzip.decompress(POCKET.read_bytes()).decode().splitlines()
    rows = [json.loads(line) for line in lines]
    for row in rows[1::2]:
        row["text"] = "I cannot."
    (tmp_path / "worse").mkdir()
    (tmp_path / "worse" / "ledger.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path / "worse"


def test_a_report_of_two_runs_and_the_command_that_makes_it_again(toolmark, tmp_path, worse):
    said = toolmark("report", str(worse), "--baseline", str(POCKET), "--limit", "200", "--out", "r.json")
    assert (said.returncode, said.stderr.splitlines()[-1]) == (0, "Wrote r.json")
    found = json.loads((tmp_path / "r.json").read_text())["comparison"]
    assert [one["name"] for one in found["contestants"]] == ["pocket", "worse"]
    assert found["contestants"][1]["differences"]["timing.recall"]["verdict"] == "regressed"
    again = shlex.split(found["report"]["provenance"]["command"])[1:]
    again[again.index("--out") + 1] = "again.json"
    assert toolmark(*again).returncode == 0
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "r.json").read_bytes()


def test_all_epochs_of_a_run_are_judged(toolmark, tmp_path, worse):
    rows = [json.loads(line) for line in (worse / "ledger.jsonl").read_text().splitlines()]
    second = [{**row, "epoch": 2, "key": f"{row['key']}2"} for row in rows[1:]]
    (worse / "ledger.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows + second))
    assert toolmark("report", str(worse), "--out", "r.json").returncode == 0
    details = json.loads((tmp_path / "r.json").read_text())["comparison"]["report"]["details"]
    assert details["worse"]["usage"]["answer"]["n"] == 2 * len(second)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["report", "--out", "r.html"], 4, "Give one to 10"),
        (["report", "RUN", "--out", "r.pdf"], 4, ".html"),
        (["report", "pocket", "--out", "r.html"], 4, "not a recorded run"),
        (["report", "RUN", "--out", "/proc/no/r.md"], 69, "cannot be written"),
        (["report", "RUN", "--margin", "5", "--out", "r.md"], 4, "--margin 0.05"),
    ],
)
def test_a_mistake_is_one_line_with_its_fix(toolmark, arguments, code, said):
    run = toolmark(*(str(POCKET) if one == "RUN" else one for one in arguments), COLUMNS="200")
    assert run.returncode == code, run.stderr
    assert said in run.stderr
    assert "Traceback" not in run.stderr


def test_pytest_writes_every_report_that_it_is_asked_for(suites, tmp_path, monkeypatch, worse):
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    page, figures = tmp_path / "r.html", tmp_path / "r.csv"
    run = suites(
        *("--model", f"replay/{worse}", "--baseline", str(POCKET), "-k", "recall and not gold"),
        *("--cases", "authored", "--limit", "200"),
        *("--report", str(page), "--report", str(figures)),
    )
    assert run.returncode == 1, run.stdout + run.stderr
    assert f"report: {page}" in run.stdout
    assert "Is " in page.read_text()
    assert figures.read_text().count("regressed") >= 1
    assert summary.read_text().startswith("before\n### `worse` against `pocket`: ")


@pytest.mark.parametrize("kind", ["a folder", "a pipe"])
def test_a_summary_that_cannot_be_written_is_a_warning(suites, tmp_path, monkeypatch, kind):
    summary = tmp_path / "summary"
    summary.mkdir() if kind == "a folder" else os.mkfifo(summary)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    run = suites("--model", f"replay/{POCKET}", "-k", "recall and not gold", "--limit", "20", timeout=60)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"warning: {summary} cannot be written: " in run.stdout
    assert "Set GITHUB_STEP_SUMMARY to a file" in run.stdout
    assert "Traceback" not in run.stdout + run.stderr


def test_pytest_refuses_an_unknown_ending_before_anything_runs(suites):
    run = suites("--model", "pocket", "--report", "r.pdf")
    assert (run.returncode, run.stderr.count("\n")) == (4, 1)
    assert ".html" in run.stderr
