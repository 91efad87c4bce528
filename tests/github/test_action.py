"""The steps of `action.yml`, run by bash as GitHub runs them. Only pip is replaced: its words are recorded.

test_documented_ci.py runs them on a model, as the documented workflow does.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.github.conftest import ACTION, Act

ROOT = Path(__file__).parents[2]
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]


@pytest.mark.parametrize(
    ("inputs", "code", "why"),
    [
        (
            {"model": "pocket", "baseline": "baselines/main.jsonl.gz"},
            4,
            "there is no file or directory at 'baselines/main.jsonl.gz'",
        ),
        ({"model": "Some/Model"}, 69, "the hub cannot be reached"),
        ({"model": "pocket", "args": "--floor timing.recall=0.1\n--limt 3"}, 4, "--limt"),
    ],
)
def test_an_error_is_no_verdict_and_keeps_no_weights(act: Act, inputs, code, why):
    ended, runner = act(**inputs)
    assert ended == code, runner.said
    assert why in runner.said
    assert f"There is no verdict: toolmark eval ended with exit code {code}." in runner.said
    assert runner.summary == ""
    assert not [ran for ran in runner.ran if ran.name.startswith(("Save weights", "Save answers"))]


def test_torch_is_installed_without_cuda_and_only_for_local_models(act: Act, path):
    log = path / "pip.log"
    for extras, expected in (("local,reports", 2), ("reports", 1)):
        log.unlink(missing_ok=True)
        act(model="policy/none", extras=extras)
        installs = log.read_text().splitlines()
        assert len(installs) == expected
        assert all(f"-c {ROOT}/constraints.txt" in line for line in installs)
        assert installs[-1].endswith(f" {ROOT}[{extras}]")
        if expected == 2:
            assert re.search(r"--no-deps --index-url https://\S+/cpu torch$", installs[0])


def test_no_input_is_a_command_or_a_pattern(act: Act, repository):
    """At first every input holds commands, in all ways in which a shell finds them; then only the folders do."""
    command = "x;touch hacked;$(touch hacked)`touch hacked`'\"&touch hacked&*"
    act(**dict.fromkeys(ACTION["inputs"], command))
    code, runner = act(model="policy/never", runs=f"runs {command}", report=f"report {command}", args="--limit 2 *")
    assert (code, "file or directory not found: *" in runner.said) == (4, True), runner.said
    code, runner = act(model="policy/never", runs=f"runs {command}", report=f"report {command}", args="--limit 2")
    assert code == 0, runner.said
    assert (repository / f"report {command}" / "answers.jsonl.gz").is_file()
    assert not list(repository.rglob("hacked"))


def test_no_expression_is_written_into_a_script():
    scripts = [step["run"] for step in STEPS if "run" in step]
    assert len(scripts) == 3
    assert not [script for script in scripts if "${{" in script]
    assert all(step["shell"] == "bash" for step in STEPS if "run" in step)
