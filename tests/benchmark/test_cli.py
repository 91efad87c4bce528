"""The command `toolmark`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def test_help_lists_every_plug_in(warm_without_torch):
    toolmark = Path(sys.executable).with_name("toolmark")  # the installed script, cold
    cold = subprocess.run([toolmark, "--help"], capture_output=True, text=True, timeout=120, check=False)
    assert all(group in cold.stdout for group in ("cases", "generate", "train"))
    assert "template" in warm_without_torch("generate", "--help").stdout
    assert "pocket" in warm_without_torch("train", "--help").stdout


def test_a_command_can_be_interrupted_while_it_is_imported(tmp_path: Path):
    (tmp_path / "cyclopts.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    command = [sys.executable, "-m", "toolmark.benchmark.cli", "report", "runs"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "Interrupted. To continue, run: toolmark report runs\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["trane"], "train"),
        (["train", "pocket"], "--data"),
        (["train", "pocket"], "To see how the command is written: toolmark train pocket --help"),
        (["compare"], "To see how the command is written: toolmark compare --help"),
        (["train", "pocket", "--data", "missing", "--out", "out"], "missing"),
        (["cases", "manifest", "missing"], "is not a folder"),
    ],
)
def test_a_users_mistake_has_its_own_exit_code_and_no_traceback(warm_without_torch, arguments, said):
    run = warm_without_torch(*arguments)
    assert run.returncode == 4
    assert said in run.stdout + run.stderr
    assert "Traceback" not in run.stderr
