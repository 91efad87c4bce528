"""Starts child processes that end with the process that started them, even if that process is killed.

`child_guard.py` watches the parent. On Windows there are no process groups, so children are not watched there.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

__all__ = ["end", "end_group_with_parent", "guarded", "start", "wait"]

_WATCHED = os.name == "posix"


def guarded(command: Sequence[str]) -> list[str]:
    """Return a command that runs `command`, and ends `command` when this process has ended.

    This process must start the returned command itself. The command then runs in a process group of its own.

    Raises:
        FileNotFoundError: There is no such program.
    """
    if shutil.which(command[0]) is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), command[0])
    return [*_guard(), *command] if _WATCHED else list(command)


def start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a command that ends with this process. The command has no standard input.

    Ctrl-C in a terminal does not reach the command. `end` interrupts the command.

    Raises:
        FileNotFoundError: There is no such program.
    """
    group = 0 if _WATCHED else None
    return subprocess.Popen(guarded(command), stdin=subprocess.DEVNULL, process_group=group)  # noqa: S603


def wait(process: subprocess.Popen[bytes]) -> int:
    """Wait for the end of a process that `start` started, kill the children that it left, and return its exit code."""
    code = process.wait()
    _kill_group(process)
    return code


def end(process: subprocess.Popen[bytes], seconds: float) -> None:
    """End a process that `start` started, together with its children.

    The process is interrupted as by Ctrl-C. If the process has not ended after `seconds`, the process is killed.
    """
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT if _WATCHED else signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    _kill_group(process)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    if _WATCHED:
        with suppress(ProcessLookupError, PermissionError):  # the group is empty; macOS refuses to kill a zombie
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()


def end_group_with_parent() -> None:
    """Give this process, a child of multiprocessing, a process group that ends with it and with its parent.

    The group contains all children of this process that do not leave the group.
    """
    parent = multiprocessing.parent_process()
    if parent is None or not _WATCHED:
        return
    os.setpgid(0, 0)
    # multiprocessing keeps the other end of this pipe open in the parent, and writes nothing to the pipe.
    subprocess.Popen(  # noqa: S603
        _guard(), stdin=parent.sentinel, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _guard() -> list[str]:
    # Isolated, and without site-packages: the guard starts in 10 ms and uses no environment variable.
    return [sys.executable, "-I", "-S", str(Path(__file__).with_name("child_guard.py")), str(os.getpid())]
