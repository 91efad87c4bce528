"""Imports go one way. The contracts are in pyproject.toml, and the tests name them by their ids."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

ROOT = Path(__file__).parent.parent
LINT = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--contract"]


def lint(folder: Path, contract: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*LINT, contract], cwd=folder, capture_output=True, text=True, timeout=240, check=False)


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
        ("benchmark/data/cases.py", "toolmark.benchmark.scoring.grades", "layers"),
        ("benchmark/core/registry.py", "toolmark.reports.terminal", "benchmark"),
        ("reports/tables.py", "toolmark.suites", "rooms"),
        ("benchmark/scoring/metrics.py", "torch", "torch"),
    ],
)
def test_a_planted_import_is_found(installed, file, line, contract):
    path = installed / "toolmark" / file
    path.write_text(f"import {line}\n{path.read_text()}")
    run = lint(installed, contract)
    assert "Contracts: 0 kept, 1 broken." in run.stdout, run.stdout + run.stderr
