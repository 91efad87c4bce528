"""Real parts that several tests share."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.forked.commands import MORE_WITH_TORCH, WITHOUT_TORCH, Commands, Ended, Started, running
from tests.forked.families import Family
from tests.servers.real import real_server, transformers_serve  # noqa: F401 - fixtures
from tests.servers.scripted import Answer, scripted_server
from toolmark.benchmark.data.shipped_cases import shipped_cases
from toolmark.benchmark.readers.case_selection import limited, load_cases
from toolmark.benchmark.readers.toolmark import case_line

ROOT = Path(__file__).parent.parent

# A shell lets a command in the background ignore these signals, and `nohup` does the same. All commands of the tests
# would inherit this, and could not be interrupted.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

settings.register_profile("quick", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("quick")


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


@pytest.fixture(scope="session")
def warm(warm_without_torch: Commands, tmp_path_factory: pytest.TempPathFactory) -> Commands:
    """Commands that find everything imported; no hub is asked, and nothing of this machine's is found in its cache."""
    hub = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path_factory.mktemp("hub"))}
    return warm_without_torch.with_modules(tmp_path_factory.mktemp("commands"), *MORE_WITH_TORCH, environment=hub)


@pytest.fixture(scope="session")
def warm_without_torch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """Commands that find imported what needs neither torch nor a hub."""
    with running(tmp_path_factory.mktemp("commands"), *WITHOUT_TORCH) as commands:
        yield commands


@pytest.fixture(scope="session")
def few_cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample of 60 shipped cases. A run reads the sample, and proves its gold, in a small part of the time."""
    file = tmp_path_factory.mktemp("cases") / "few.test.jsonl"
    file.write_text("".join(map(case_line, limited(load_cases(shipped_cases())[0], 60))))
    return file


class Suites:
    """`suites("--model", "pocket", …)`: a real `pytest suites/` in a process of its own.

    Args:
        commands: Starts the process.
        folder: Has the runs.
        cases: The cases of a run without `--cases`.
    """

    def __init__(self, commands: Commands, folder: Path, cases: Path) -> None:
        self._commands = commands
        self._folder = folder
        self._cases = cases

    def start(self, *arguments: str, runs: Path | None = None, cwd: Path = ROOT, **interruption: Any) -> Started:
        """Start it; what may interrupt it is an argument of `Commands.start`."""
        command = [str(ROOT / "suites"), "-p", "no:cacheprovider", *arguments]
        # Of modules that are imported before pytest can rewrite their asserts.
        command += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
        if "--runs" not in arguments:
            command += ["--runs", str(runs or self._folder / "runs")]
        # Wide, so that no cell is wrapped; and without the settings of whoever runs the tests.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TOOLMARK_")}
        environment["COLUMNS"] = "200"
        # The shipped model sometimes writes until its last token. Most tests do not depend on what it writes.
        environment["TOOLMARK_MAX_TOKENS"] = "64"
        environment["TOOLMARK_CASES"] = str(self._cases)
        return self._commands.start("pytest", *command, cwd=cwd, environment=environment, **interruption)

    def __call__(self, *arguments: str, timeout: float = 240, **more: Any) -> Ended:
        """Start it and wait for its end."""
        return self.start(*arguments, **more).wait(timeout)


@pytest.fixture
def suites(warm: Commands, tmp_path: Path, few_cases: Path) -> Suites:
    """A run of the suites."""
    return Suites(warm, tmp_path, few_cases)


@pytest.fixture
def family(monkeypatch: pytest.MonkeyPatch) -> Family:
    """The programs that the commands of a test start."""
    return Family(monkeypatch)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Inspect's name for a model on loopback that answers with the number of turns it was sent."""

    def count(request: Mapping[str, Any]) -> Answer:
        return {"content": f"I read {len(request['messages'])} turns."}

    with scripted_server(count, service="loopback") as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server.spec
