"""Imports go one way; the contracts stand in pyproject.toml."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

ROOT = Path(__file__).parent.parent
LINT = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(LINT, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The rooms as they are installed: under one name."""
    for room in ("toolmark", "benchmark", "suites", "generators", "trainers", "reports"):
        place = tmp_path / "toolmark" / ("" if room == "toolmark" else room)
        copytree(ROOT / room, place, ignore=ignore_patterns("__pycache__", "*.safetensors"))
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    return tmp_path


@pytest.mark.slow  # each reads all imports anew; that the contracts are kept, `make lint` shows
@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("benchmark/data/cases.py", "toolmark.benchmark.scoring.grades", "inside benchmark, imports go down"),
        ("benchmark/core/registry.py", "toolmark.reports.terminal", "benchmark imports none of the rooms beside it"),
        ("reports/tables.py", "toolmark.suites", "the rooms import benchmark, never each other"),
        ("benchmark/scoring/metrics.py", "torch", "torch only in the engine and the trainers"),
    ],
)
def test_a_planted_import_is_found(installed, file, line, contract):
    path = installed / "toolmark" / file
    path.write_text(f"import {line}\n{path.read_text()}")
    run = lint(installed)
    assert f"{contract} BROKEN" in run.stdout, run.stdout
