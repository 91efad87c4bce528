"""Case files beside the shipped toolboxes, and the command over them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SHIPPED = Path(__file__).parents[2] / "suites" / "cases"
Written = Callable[..., Path]
Toolmark = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """`written([row, …])`: a case file beside the shipped toolboxes and manifest; a row may be a line of text."""
    for name in ("tools.yaml", "MANIFEST.toml"):
        (tmp_path / name).write_text((SHIPPED / name).read_text())

    def write(rows: list[dict[str, Any] | str], name: str = "planted.test.jsonl") -> Path:
        file = tmp_path / name
        file.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in rows))
        return file

    return write


@pytest.fixture
def toolmark() -> Toolmark:
    """`toolmark("lint", …)`: a real `toolmark cases lint …` in a process of its own."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "toolmark.benchmark.cli", "cases", *arguments],
            env={**os.environ, "COLUMNS": "160"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run
