"""`toolmark train`: help is cheap, and a mistake is named."""

from __future__ import annotations

import subprocess
import sys

import pytest

from toolmark.benchmark.core import registry
from toolmark.benchmark.core.errors import InputError

COUNT_HEAVY = """
import sys
from toolmark.trainers.command import app
try:
    app({arguments}, exit_on_error=False, print_error=False)
except SystemExit:
    pass
finally:
    print("imported:", *sorted({{"torch", "transformers", "datasets"}} & set(sys.modules)))
"""

registered = pytest.mark.skipif(
    "pocket" not in registry.names("toolmark.trainers"), reason="the package is not installed in this environment"
)


def run(*arguments: str) -> str:
    script = COUNT_HEAVY.format(arguments=list(arguments))
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60).stdout


@registered
@pytest.mark.parametrize("arguments", [["--help"], ["pocket", "--help"]])
def test_help_imports_nothing_heavy(arguments):
    shown = run(*arguments)
    assert "pocket" in shown
    assert shown.splitlines()[-1] == "imported:"


@registered
def test_the_options_of_a_trainer_become_flags():
    shown = run("pocket", "--help")
    assert all(flag in shown for flag in ("--data", "--out", "--seed", "--tokens", "--lr", "--threads"))


@registered
def test_a_wrong_value_is_named(tmp_path):
    from toolmark.trainers.command import app

    with pytest.raises(InputError, match=r"--tokens 0: Input should be greater than or equal to 1"):
        app(["pocket", "--tokens", "0", "--data", str(tmp_path), "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()
