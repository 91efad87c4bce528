"""Each command that reads cases accepts the options that the errors about its cases name."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.deployment import command as deployment
from toolmark.benchmark.deployment import gguf_commands
from toolmark.benchmark.evaluation import calibrate_command, compare_command, models_command
from toolmark.benchmark.evaluation.evaluate import Evaluation, compare, compare_recorded, evaluate
from toolmark.benchmark.evaluation.request import Request
from toolmark.reports import command as reports
from toolmark.reports import push
from toolmark.suites import command as cases
from toolmark.trainers.command import train_command
from toolmark.trainers.lora import LoraTrainer

BENCHMARK = Path(__file__).parents[3] / "benchmark"

READING = ("readers/case_selection.py", "readers/scenarios.py", "evaluation/scenario_sources.py")
READING_ROWS = ("readers/scenarios.py", "readers/row_conversion.py")
RECORDED = ("runs/recorded_epochs.py", "evaluation/contestant.py")
GENERATING = ("runs/missing_answers.py", "runs/generation.py", "evaluation/contestant.py", "engine/prepared_prompts.py")
COMMANDS = {
    compare_command.compare_runs: (*READING, *RECORDED),
    reports.report: (*READING, *RECORDED),
    push.push: (*READING, *RECORDED),
    calibrate_command.fit: (*READING, *GENERATING),
    models_command.check: (*READING, *GENERATING),
    deployment.check: (*READING, *GENERATING),
    gguf_commands.export: READING,
    gguf_commands.file: READING,
    cases.manifest: READING_ROWS,
    cases.import_cases: READING_ROWS,
    train_command(LoraTrainer()): (*READING, *GENERATING),
}

NOT_MET = {"split": "the error says that only some commands have it", "limit": "the option was given"}
"""Options that an error names only for commands that have them."""


def named(modules: tuple[str, ...]) -> set[str]:
    """The options that the errors of these modules name."""
    raised = [node for name in modules for node in ast.walk(ast.parse((BENCHMARK / name).read_text()))]
    texts = [
        part.value
        for node in raised
        if isinstance(node, ast.Raise)
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    ]
    return {option for text in texts for option in re.findall(r"--([a-z][a-z-]+)", text)}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: f"{command.__module__}.{command.__name__}")
def test_a_command_accepts_every_option_that_its_errors_name(command: Callable[..., Any]) -> None:
    shared = [kind for kind in get_type_hints(command).values() if dataclasses.is_dataclass(kind)]
    names = {
        *inspect.signature(command).parameters,
        *(field.name for kind in shared for field in dataclasses.fields(kind)),
    }
    accepted = {name.replace("_", "-") for name in names}
    accepted |= {"cases"} if "dev" in names else set()  # a training has other cases under this name
    wanted = named(COMMANDS[command])
    assert {"skip-bad"} <= wanted
    assert wanted - accepted - NOT_MET.keys() == set()


def case(ref: str) -> str:
    row = {
        "messages": [{"role": "user", "content": f"Add {ref}."}],
        "toolbox": [{"name": "add", "parameters": {"type": "object", "properties": {}}}],
        "expect": {"action": "call", "any_of": [{"calls": [{"name": "add"}]}]},
        "source": {"name": "test", "ref": ref},
        "licence": "CC0-1.0",
    }
    return json.dumps(row) + "\n"


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """Three cases and a row that cannot be read."""
    file = tmp_path / "cases.jsonl"
    file.write_text("".join(map(case, "abc")) + "no case\n")
    return file


def said(file: Path) -> str:
    """Recorded answers to the three cases that do not tell their dialect."""
    file.write_text("".join(json.dumps({"case": ref, "text": '{"name": "add"}'}) + "\n" for ref in "abc"))
    return f"replay/{file}"


def test_the_command_of_a_report_works_with_bad_rows_and_answers_without_dialect(damaged: Path, tmp_path: Path) -> None:
    model, baseline = said(tmp_path / "mine.jsonl"), said(tmp_path / "base.jsonl")
    request = Request((model,), baseline=baseline, cases=str(damaged), dialect="json", skip_bad=True, runs=tmp_path)
    made = evaluate(request, logs=False, report=True)
    assert made.report is not None
    assert made.report.provenance is not None
    again = shlex.split(made.report.provenance.command)
    out = tmp_path / "again.json"
    again[again.index("--out") + 1] = str(out)
    reports.app(again[2:], exit_on_error=False, result_action="return_value")
    assert json.loads(out.read_text())["comparison"]["contestants"][1]["figures"]["timing.recall"]["n"] == 3


def test_compare_follows_its_own_errors(damaged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, baseline = said(tmp_path / "mine.jsonl"), said(tmp_path / "base.jsonl")
    command = [baseline, model, "--cases", str(damaged)]

    def run(*more: str) -> None:
        compare_command.compare([*command, *more], exit_on_error=False, result_action="return_value")

    with pytest.raises(InputError, match="--dialect NAME"):
        run("--skip-bad")
    with pytest.raises(InputError, match="leave bad rows out with --skip-bad"):
        run("--dialect", "json")
    run("--dialect", "json", "--skip-bad")
    shown = capsys.readouterr().out
    assert "timing.recall" in shown
    assert f"skipped {damaged}:4:" in shown
    assert "1 rows skipped" in shown
    found = compare(baseline, model, cases=str(damaged), dialect="json", skip_bad=True)
    assert found.contestants[1].differences["timing.recall"].n == 3


def test_the_command_of_a_report_leaves_out_the_same_cases_that_were_too_long(tmp_path: Path) -> None:
    """A ledger lacks a case that was too long; its baseline has this case."""
    cases = tmp_path / "cases.jsonl"
    cases.write_text("".join(map(case, "abc")))
    request = Request(("policy/first", "policy/never"), cases=str(cases), runs=tmp_path / "runs")
    evaluation = Evaluation(request)
    evaluation.run(logs=False)
    base, mine = (one.run.folder / "ledger.jsonl" for one in evaluation.contestants)
    head, *rows = mine.read_text().splitlines(keepends=True)
    left_out = evaluation.cases[0].id
    line = json.loads(head)
    line["run"]["too_long"] = [left_out]
    mine.write_text(json.dumps(line) + "\n" + "".join(row for row in rows if left_out not in row))
    both = Request((str(mine),), baseline=str(base), cases=str(cases), skip_too_long=True, runs=tmp_path / "runs")
    made = evaluate(both, logs=False, report=True)
    assert [one.cases for one in made.contestants] == [2, 2]
    assert made.report is not None
    assert made.report.provenance is not None
    assert "--skip-too-long" in shlex.split(made.report.provenance.command)
    assert [one.cases for one in compare_recorded(both).contestants] == [2, 2]
