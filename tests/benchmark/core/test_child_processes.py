"""A child process ends with its parent, with everything that it started, whatever the child does against it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.forked.families import Family, wait_until
from toolmark.benchmark.core import child_processes

SOFT = "sleep 600 & touch started; wait"
STUBBORN = "trap '' HUP INT TERM; sleep 600 & touch started; while true; do sleep 600; done"


@pytest.mark.parametrize(("commands", "processes"), [(SOFT, 4), (STUBBORN, 5)])
def test_a_child_ends_with_a_parent_that_is_killed(commands, processes, family: Family, tmp_path: Path):
    script = f"""
import signal
from toolmark.benchmark.core.child_processes import start
start(["sh", "-c", {commands!r}])
signal.pause()
"""
    with subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path) as parent:
        assert wait_until((tmp_path / "started").exists)
        # These are the parent, the guard, the shell, and the commands that the shell started.
        assert wait_until(lambda: len(family.members()) == processes, 5), family.members()
        parent.kill()
    assert wait_until(lambda: not family.members(), 5), family.members()


def test_a_child_that_does_not_end_is_killed(family: Family, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    child = child_processes.start(["sh", "-c", STUBBORN])
    assert wait_until((tmp_path / "started").exists)
    child_processes.end(child, 0.1)
    assert wait_until(lambda: not family.members(), 5), family.members()


def test_a_child_gets_signals_and_its_exit_code_is_kept():
    assert child_processes.wait(child_processes.start(["sh", "-c", "exit 7"])) == 7
    child = child_processes.start(["sleep", "600"])
    os.kill(child.pid, signal.SIGTERM)
    assert child.wait() in (128 + signal.SIGTERM, -signal.SIGTERM), "-SIGTERM if the guard had not started yet"
    with pytest.raises(FileNotFoundError, match="no-such-program"):
        child_processes.guarded(["no-such-program"])
