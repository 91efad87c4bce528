"""Imports go one way; the contracts stand in pyproject.toml."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LINT = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(LINT, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def test_the_contracts_are_kept():
    run = lint(ROOT)
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("benchmark/cases.py", "import benchmark.scoring.grades", "inside benchmark, imports go down"),
        ("benchmark/registry.py", "import reports.terminal", "benchmark imports none of the rooms beside it"),
        ("reports/tables.py", "import suites", "the rooms import benchmark, never each other"),
        ("benchmark/scoring/metrics.py", "import torch", "torch only in the engine and the trainers"),
    ],
)
def test_a_planted_import_is_found(tmp_path, file, line, contract):
    from shutil import copytree, ignore_patterns

    for room in ("benchmark", "suites", "generators", "trainers", "reports"):
        copytree(ROOT / room, tmp_path / room, ignore=ignore_patterns("__pycache__", "*.safetensors"))
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    (tmp_path / file).write_text(f"{line}\n{(tmp_path / file).read_text()}")
    run = lint(tmp_path)
    assert f"{contract} BROKEN" in run.stdout, run.stdout
