"""Real parts that several tests share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.servers.real import real_server, transformers_serve  # noqa: F401 - fixtures

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

    def run(*arguments: str, runs: Path | None = None, timeout: float = 240) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", "suites/", "-p", "no:cacheprovider", *arguments]
        if "--runs" not in arguments:
            command += ["--runs", str(runs or tmp_path / "runs")]
        # Wide, so that no cell is wrapped; and without the settings of whoever runs the tests.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TOOLMARK_")}
        environment["COLUMNS"] = "200"
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=timeout, check=False
        )

    return run


class _Chat(BaseHTTPRequestHandler):
    """Answers every chat completion with the number of turns it was sent."""

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        message = {"role": "assistant", "content": f"I read {len(request['messages'])} turns."}
        body = json.dumps(
            {
                "id": "1",
                "object": "chat.completion",
                "created": 0,
                "model": request["model"],
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12},
            }
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Inspect's name for a model behind a real OpenAI-compatible server on loopback."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Chat) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("LOOPBACK_BASE_URL", f"http://127.0.0.1:{server.server_port}/v1")
        monkeypatch.setenv("LOOPBACK_API_KEY", "none")
        yield "openai-api/loopback/tiny"
        server.shutdown()
