"""Real parts that several tests share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.servers.real import real_server, transformers_serve  # noqa: F401 - fixtures
from tests.servers.scripted import Answer, scripted_server

ROOT = Path(__file__).parent.parent

settings.register_profile("quick", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("quick")

Toolmark = Callable[..., subprocess.CompletedProcess[str]]


def pytest_configure(config: pytest.Config) -> None:
    """A warning is an error, but for what happens inside Inspect and peft: streams closed late, outdated keywords."""
    config.addinivalue_line("filterwarnings", "error")
    config.addinivalue_line("filterwarnings", "ignore::ResourceWarning")
    config.addinivalue_line("filterwarnings", "ignore::DeprecationWarning:inspect_ai")
    config.addinivalue_line("filterwarnings", "ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")
    config.addinivalue_line("filterwarnings", "ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="session")
def pocket() -> Path:
    """The shipped model."""
    return ROOT / "benchmark" / "engine" / "pocket"


@pytest.fixture
def suites(tmp_path: Path) -> Toolmark:
    """`suites("--model", "pocket", …)`: a real `pytest suites/` in a process of its own, its runs under `tmp_path`."""

    def run(
        *arguments: str, runs: Path | None = None, timeout: float = 240, cwd: Path = ROOT
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", str(ROOT / "suites"), "-p", "no:cacheprovider", *arguments]
        if "--runs" not in arguments:
            command += ["--runs", str(runs or tmp_path / "runs")]
        # Wide, so that no cell is wrapped; and without the settings of whoever runs the tests.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TOOLMARK_")}
        environment["COLUMNS"] = "200"
        return subprocess.run(
            command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=timeout, check=False
        )

    return run


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Inspect's name for a model on loopback that answers with the number of turns it was sent."""

    def count(request: Mapping[str, Any]) -> Answer:
        return {"content": f"I read {len(request['messages'])} turns."}

    with scripted_server(count, service="loopback") as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server.spec
