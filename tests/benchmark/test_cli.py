"""The command `toolmark`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TOOLMARK = str(Path(sys.executable).with_name("toolmark"))


def toolmark(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([TOOLMARK, *arguments], capture_output=True, text=True, timeout=120, check=False)


def test_help_lists_every_plug_in():
    assert all(group in toolmark("--help").stdout for group in ("cases", "generate", "train"))
    assert "template" in toolmark("generate", "--help").stdout
    assert "pocket" in toolmark("train", "--help").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["trane"], "train"),
        (["train", "pocket"], "--data"),
        (["train", "pocket", "--data", "missing", "--out", "out"], "missing"),
        (["cases", "manifest", "missing"], "MANIFEST.toml"),
    ],
)
def test_a_users_mistake_has_its_own_exit_code_and_no_traceback(arguments, said):
    run = toolmark(*arguments)
    assert run.returncode == 4
    assert said in run.stdout + run.stderr
    assert "Traceback" not in run.stderr
