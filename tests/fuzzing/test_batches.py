"""Inputs that one process reads one after the other: each as if it were alone, and a finding is tried again alone."""

from __future__ import annotations

import os
import signal
from importlib.metadata import version
from pathlib import Path
from random import Random

from tests.forked.commands import Commands
from tests.fuzzing.input_kinds import InputKind, findings
from tests.fuzzing.samples import CASE_LINES, RECIPE

_GROWTH = 1 << 30
_LIKE_A_TRACEBACK = "Traceback (most recent call last)"


def test_each_command_has_its_own_folder_output_and_exit_code(warm: Commands, tmp_path: Path) -> None:
    inputs = []
    for name, content in {"a": RECIPE, "b": b"base = 1"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.jsonl").write_bytes(CASE_LINES)
        (tmp_path / name / "r.toml").write_bytes(content)
        command = ["eval", "--model", "pocket", "--adapter", "r.toml", "--collect-only", "-q", "--cases", "x.jsonl"]
        inputs.append((command, tmp_path / name, {**os.environ, "COLUMNS": "200"}))
    limits = {"growth": _GROWTH, "cpu_seconds": 60, "seconds": 120}
    ended, process = warm.one_after_the_other([*inputs, (["--version"], tmp_path, {})], **limits)
    assert [one.returncode for one in (*ended, process)] == [0, 4, 0, 0], [one.said for one in ended]
    assert "r.toml is not a recipe" not in ended[0].said
    assert "r.toml is not a recipe" in ended[1].said
    assert ended[2].stdout.strip() == version("toolmark")


def test_a_command_that_ends_the_process_is_the_last_one(warm_without_torch: Commands, tmp_path: Path) -> None:
    inputs = [(["--version"], tmp_path, {})] * 3
    limits = {"growth": _GROWTH, "cpu_seconds": 60}
    ended, process = warm_without_torch.one_after_the_other(inputs, seconds=1e-6, **limits)
    assert (ended, process.returncode) == ([], -signal.SIGALRM)


def test_a_finding_is_tried_again_alone(warm_without_torch: Commands, tmp_path: Path) -> None:
    made: list[str] = []

    def make(_: Random, folder: Path) -> list[str]:
        seed = folder.name.rpartition("-")[2]
        made.append(seed)
        wrong = seed == "1" or (seed == "2" and made.count(seed) == 1)
        return ["cases", "lint", _LIKE_A_TRACEBACK if wrong else "nothing"]

    found = findings(InputKind("own", make), warm_without_torch, tmp_path, range(4))
    assert [(one.alone, one.text.partition(":")[0]) for one in found] == [(True, "own, seed 1"), (False, "own, seed 2")]
    assert made == ["0", "1", "2", "3", "1", "2"]
