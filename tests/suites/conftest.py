"""Case files beside the shipped toolboxes, and the command over them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.forked.commands import Commands, Ended

SHIPPED = Path(__file__).parents[2] / "suites" / "cases"
Written = Callable[..., Path]
Toolmark = Callable[..., Ended]


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
def toolmark(warm_without_torch: Commands) -> Toolmark:
    """`toolmark("lint", …)`: a real `toolmark cases lint …` in a process of its own."""

    def run(*arguments: str) -> Ended:
        environment = {**os.environ, "COLUMNS": "160"}
        return warm_without_torch.start("toolmark", "cases", *arguments, environment=environment).wait()

    return run
