"""Real parts that several tests share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

Toolmark = Callable[..., subprocess.CompletedProcess[str]]


def pytest_configure(config: pytest.Config) -> None:
    """A warning is an error, but for sockets that anyio closes late inside Inspect."""
    config.addinivalue_line("filterwarnings", "error")
    config.addinivalue_line("filterwarnings", "ignore::ResourceWarning")
    config.addinivalue_line("filterwarnings", "ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="session")
def pocket() -> Path:
    """The shipped model."""
    return ROOT / "benchmark" / "engine" / "pocket"


@pytest.fixture
def suites(tmp_path: Path) -> Toolmark:
    """`suites("--model", "pocket", …)`: a real `pytest suites/` in a process of its own, its runs under `tmp_path`."""

    def run(*arguments: str, runs: Path | None = None, timeout: float = 240) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", "suites/", "-p", "no:cacheprovider", *arguments]
        if "--runs" not in arguments:
            command += ["--runs", str(runs or tmp_path / "runs")]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False)

    return run
