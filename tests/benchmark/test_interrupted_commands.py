"""A command that gets a signal ends within five seconds with everything that it started, and goes on when run again."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.forked.commands import Commands, Ended, Started
from tests.forked.families import Family, wait_until

RECORDED = Path(__file__).parents[2] / "docs" / "replays" / "pocket.jsonl.gz"
SECONDS = 5
LIKE_CTRL_C = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def signals(*quick: signal.Signals) -> pytest.MarkDecorator:
    """All four signals. Those that are not `quick` are for `make test-all`."""
    every = (*LIKE_CTRL_C, signal.SIGKILL)
    marks = {number: () if number in quick else (pytest.mark.slow,) for number in every}
    return pytest.mark.parametrize("number", [pytest.param(one, marks=marks[one], id=one.name) for one in every])


VLLM = f"""#!{sys.executable}
import json, signal, subprocess, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen(["sleep", "600"])  # like the process of vLLM's engine

class Handler(BaseHTTPRequestHandler):
    def answer(self):
        said = {{"object": "list", "data": [{{"id": "tiny", "object": "model"}}]}}
        if self.command == "POST":
            open("asked", "w").close()
            message = {{"role": "assistant", "content": "I cannot."}}
            choice = {{"index": 0, "message": message, "finish_reason": "stop"}}
            said = {{"id": "1", "object": "chat.completion", "created": 1, "model": "tiny", "choices": [choice]}}
        content = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
    do_GET = do_POST = answer

HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Handler).serve_forever()
"""

STUCK = '''
import os, re, subprocess
from pathlib import Path

def look_up(word: str) -> str:
    """Look up a word in the dictionary.

    Args:
        word: The word.
    """
    started = Path(os.environ["STARTED"])
    if not started.exists():
        subprocess.Popen(["sleep", "600"])
        started.touch()
        re.fullmatch("(a+)+b", "a" * 60)  # takes years, and no other thread of the process runs meanwhile
    return "a meaning"
'''


@pytest.fixture
def family(monkeypatch: pytest.MonkeyPatch) -> Family:
    """What the commands of a test start."""
    return Family(monkeypatch)


def ended_by(number: signal.Signals, command: Started, family: Family) -> Ended:
    """Send a signal to the command, and check that it has ended in time with all its children."""
    command.send_signal(number)
    in_time = wait_until(lambda: command.poll() is not None and not family.members(), SECONDS)
    left = family.members()
    ended = command.wait(0.1)
    assert in_time, (left, ended.said)
    assert ended.returncode == (-signal.SIGKILL if number == signal.SIGKILL else 2), ended.said
    assert "Traceback" not in ended.said
    assert ("To continue, run: " in ended.said) == (number in LIKE_CTRL_C), ended.said
    return ended


@signals(signal.SIGTERM, signal.SIGKILL)
def test_a_tool_that_is_stuck_ends_with_the_command(number, family, warm: Commands, monkeypatch, tmp_path: Path):
    (tmp_path / "tools.py").write_text(STUCK)
    monkeypatch.setenv("STARTED", str(tmp_path / "started"))
    words = ["generate", "template", "--tools", "tools.py", "--execute", "all", "--count", "20", "--out", "made"]
    command = warm.start("toolmark", *words, cwd=tmp_path)
    assert wait_until((tmp_path / "started").exists), command.wait(0.1).said
    ended_by(number, command, family)
    assert not (tmp_path / "made").exists()

    again = warm.start("toolmark", *words, cwd=tmp_path).wait()
    assert again.returncode == 0, again.said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "started", "tools.py"]


RECIPE = """
base = "pocket"
dialect = "tagged"
seed = 1

[generator]
name = "template"
count = 200000

[trainer]
name = "lora"
"""


@signals(signal.SIGTERM, signal.SIGKILL)
def test_a_step_of_a_recipe_ends_with_pytest(number, family, suites, tmp_path: Path):
    """The step is the generation of the data. A training is started in the same way."""
    (tmp_path / "long.toml").write_text(RECIPE)
    command = suites.start("--model", "pocket", "--adapter", "long.toml", "--limit", "4", cwd=tmp_path)
    assert wait_until(lambda: any("toolmark.benchmark.cli generate" in one for one in family.members()))
    ended_by(number, command, family)
    assert list((tmp_path / "data").iterdir()) == []


@signals()
def test_a_server_that_was_started_ends_with_pytest(number, family, suites, monkeypatch, tmp_path: Path):
    """The server ignores SIGTERM, and has a child."""
    program = tmp_path / "bin" / "vllm"
    program.parent.mkdir()
    program.write_text(VLLM)
    program.chmod(0o755)
    (tmp_path / "bin" / "vllm.py").touch()
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(program.parent))
    command = suites.start("--model", "vllm/tiny", "--connections", "1", cwd=tmp_path)
    assert wait_until((tmp_path / "asked").exists), command.wait(0.1).said
    assert len(family.members()) == 3
    ended_by(number, command, family)


@signals(signal.SIGINT)
def test_a_report_is_written_whole_or_not_at_all(number, warm_without_torch: Commands, tmp_path: Path):
    words = ["report", str(RECORDED), "--limit", "20", "--out", "report.json"]
    interrupted = warm_without_torch.start(
        "toolmark", *words, cwd=tmp_path, kill_at="*report.json", kill_by=number
    ).wait()
    assert interrupted.returncode == (-signal.SIGKILL if number == signal.SIGKILL else 2), interrupted.said
    assert "Traceback" not in interrupted.said
    assert (f"Interrupted. To continue, run: toolmark {' '.join(words)}" in interrupted.said) == (number in LIKE_CTRL_C)
    assert not (tmp_path / "report.json").exists()
    assert warm_without_torch.start("toolmark", *words, cwd=tmp_path).wait().returncode == 0
    assert (tmp_path / "report.json").exists()
