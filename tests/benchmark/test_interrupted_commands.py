"""A command that gets a signal ends within five seconds with everything that it started, and goes on when run again."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from tests.forked.commands import Commands, Started
from tests.forked.families import LIKE_CTRL_C, SECONDS, wait_until

RECORDED = Path(__file__).parents[2] / "docs" / "replays" / "pocket.jsonl.gz"
FEW = ("--model", "pocket", "--limit", "12", "--threads", "1", "-k", "not gold")


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


@signals(signal.SIGTERM, signal.SIGKILL)
def test_a_tool_that_is_stuck_ends_with_the_command(number, family, warm: Commands, monkeypatch, tmp_path: Path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    (tmp_path / "tools.py").write_text(STUCK)
    monkeypatch.setenv("STARTED", str(tmp_path / "started"))
    words = ["generate", "template", "--tools", "tools.py", "--execute", "all", "--count", "20", "--out", "made"]
    command = warm.start("toolmark", *words, cwd=tmp_path)
    assert wait_until((tmp_path / "started").exists), command.wait(0.1).said
    family.ends_with(command, number)
    assert not (tmp_path / "made").exists()

    again = warm.start("toolmark", *words, cwd=tmp_path).wait()
    assert again.returncode == 0, again.said
    left = {path.name for path in tmp_path.iterdir()} - {"__pycache__"}
    assert left == {"made", "started", "temporary", "tools.py"}
    assert list(temporary.glob("toolmark-*")) == []


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


@signals(signal.SIGKILL)
def test_a_step_of_a_recipe_ends_with_pytest(number, family, suites, tmp_path: Path):
    """The step is the generation of the data. A training is started in the same way."""
    (tmp_path / "long.toml").write_text(RECIPE)
    command = suites.start("--model", "pocket", "--adapter", "long.toml", "--limit", "4", cwd=tmp_path)
    assert wait_until(lambda: any("toolmark.benchmark.cli generate" in one for one in family.members()))
    family.ends_with(command, number)
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
    family.ends_with(command, number)


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


MCP_SERVER = '''
import os, signal, subprocess, time
from pathlib import Path
from mcp.server.mcpserver import MCPServer

signal.signal(signal.SIGTERM, signal.SIG_IGN)
server = MCPServer("shop")

@server.tool()
def price(item: str) -> float:
    """What an item costs.

    Args:
        item: Name of the item.
    """
    started = Path(os.environ["STARTED"])
    if not started.exists():
        subprocess.Popen(["sleep", "600"])
        started.touch()
        time.sleep(600)
    return 2.5

server.run()
'''


@signals()
def test_a_server_of_tools_ends_with_the_command(number, family, warm: Commands, monkeypatch, tmp_path: Path):
    """The server is in the middle of a call, and ignores SIGTERM."""
    pytest.importorskip("mcp", reason="the extra 'mcp' is not installed")
    (tmp_path / "shop.py").write_text(MCP_SERVER)
    monkeypatch.setenv("STARTED", str(tmp_path / "started"))
    tools = f"mcp:{sys.executable} shop.py"
    words = ["generate", "template", "--tools", tools, "--execute", "all", "--count", "20", "--out", "made"]
    command = warm.start("toolmark", *words, cwd=tmp_path)
    assert wait_until((tmp_path / "started").exists), command.wait(0.1).said
    family.ends_with(command, number)
    again = warm.start("toolmark", *words, cwd=tmp_path).wait()
    assert again.returncode == 0, again.said


@signals()
@pytest.mark.parametrize("door", ["pytest", "eval"])
def test_generated_answers_are_kept(number, door, family, suites, warm: Commands, tmp_path: Path):
    def start() -> Started:
        if door == "pytest":
            return suites.start(*FEW, cwd=tmp_path)
        return warm.start("toolmark", "eval", *FEW, "-W", "ignore::pytest.PytestAssertRewriteWarning", cwd=tmp_path)

    def kept() -> int:
        return sum(file.read_bytes().count(b'"case_id"') for file in tmp_path.glob("runs/*/ledger.jsonl"))

    command = start()
    assert wait_until(kept), command.wait(0.1).said
    family.ends_with(command, number)
    before = kept()
    again = start().wait()
    assert again.returncode == 0, again.said
    assert f"{12 - before} generated, {before} reused" in again.said


@pytest.mark.slow
def test_a_terminal_that_is_closed_ends_the_command(family, tmp_path: Path):
    """The command cannot print any more, and the shell sends SIGHUP a second time."""
    terminal, other_end = os.openpty()
    command = [sys.executable, "-m", "toolmark.benchmark.cli", "eval", *FEW]
    shell = ["sh", "-c", f"{shlex.join(command)}; true"]
    with subprocess.Popen(
        [sys.executable, "-c", AT_A_TERMINAL, *shell], stdin=other_end, stdout=other_end, stderr=other_end, cwd=tmp_path
    ):
        os.close(other_end)
        threading.Thread(target=read_all, args=(terminal,)).start()
        assert wait_until(lambda: any(tmp_path.glob("runs/*/ledger.jsonl")))
        assert family.members()
        os.close(terminal)
        assert wait_until(lambda: not family.members(), SECONDS), family.members()


def read_all(terminal: int) -> None:
    """Read what is printed, until the terminal is closed."""
    with suppress(OSError):
        while os.read(terminal, 1000):
            pass


AT_A_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""


@signals()
@pytest.mark.parametrize("door", ["pytest", "report"])
def test_a_tool_that_is_stuck_while_answers_are_judged(door, number, family, suites, warm, monkeypatch, tmp_path: Path):
    (tmp_path / "tools.py").write_text(STUCK)
    started = tmp_path / "started"
    monkeypatch.setenv("STARTED", str(started))
    started.touch()
    words = ["generate", "template", "--tools", "tools.py", "--execute", "all", "--count", "20", "--out", "made"]
    assert warm.start("toolmark", *words, cwd=tmp_path).wait().returncode == 0
    judged = ("--cases", "made", "--tools", "tools.py", "--execute", "all")
    if door == "report":
        assert suites("--model", "policy/oracle", *judged, "-k", "not gold", cwd=tmp_path).returncode == 0
    started.unlink()

    def start() -> Started:
        if door == "pytest":
            return suites.start("--model", "policy/oracle", *judged, "-k", "not gold", cwd=tmp_path)
        (run,) = (tmp_path / "runs").iterdir()
        return warm.start("toolmark", "report", str(run), *judged, "--out", "report.json", cwd=tmp_path)

    command = start()
    assert wait_until(started.exists), command.wait(0.1).said
    family.ends_with(command, number)
    assert not (tmp_path / "report.json").exists()
    again = start().wait()
    assert again.returncode == 0, again.said
