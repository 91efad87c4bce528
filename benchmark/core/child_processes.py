"""Starts child processes that end when this process ends, even if this process is killed.

The program `child_guard.py` watches this process. On Windows, children do not end with this process, because there are
no process groups.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

__all__ = ["end", "guarded", "kill", "kill_group", "start", "wait"]

_WATCHED = os.name == "posix"


def guarded(command: Sequence[str]) -> list[str]:
    """Return a command that starts `command` together with a guard.

    When this process has ended, the guard ends `command`. Only this process is allowed to start the returned command.
    `command` runs in its own process group.

    Raises:
        FileNotFoundError: The program does not exist.
    """
    if shutil.which(command[0]) is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), command[0])
    return [*_guard(), *command] if _WATCHED else list(command)


def start(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    *,
    stdin: int = subprocess.DEVNULL,
    output: int | None = None,
    errors: IO[bytes] | int | None = None,
) -> subprocess.Popen[bytes]:
    """Start a command that ends when this process ends.

    Ctrl-C in a terminal does not interrupt the command. Use `end` to end the command.

    Args:
        command: The program and its arguments.
        environment: All environment variables of the command. None means the variables of this process.
        stdin: `subprocess.PIPE` if this process writes the standard input of the command. Otherwise the command has no
            standard input.
        output: `subprocess.PIPE` if this process reads the standard output of the command. None if the command uses the
            standard output of this process.
        errors: The file to which the command writes standard error, or `subprocess.DEVNULL`. None if the command uses
            the standard error of this process.

    Raises:
        FileNotFoundError: The program does not exist.
    """
    return subprocess.Popen(  # noqa: S603
        guarded(command),
        env=environment,
        stdin=stdin,
        stdout=output,
        stderr=errors,
        process_group=0 if _WATCHED else None,
    )


def wait(process: subprocess.Popen[bytes]) -> int:
    """Wait until a process of `start` has ended. Then kill the children that it has left, and return its exit code."""
    code = process.wait()
    _kill_group(process)
    return code


def end(process: subprocess.Popen[bytes], seconds: float) -> None:
    """End a process that `start` started, together with its children.

    The process gets SIGTERM. If the process has not ended after `seconds`, the process is killed.
    """
    if process.poll() is not None:
        return
    process.terminate()  # SIGINT is not used, because Python prints a traceback if SIGINT arrives while Python starts.
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    _kill_group(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that `start` started, together with its children, and wait until it has ended."""
    _kill_group(process)
    process.wait()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    if _WATCHED:
        kill_group(process.pid)
    else:
        process.kill()


def kill_group(leader: int) -> None:
    """Kill all processes of a process group. The leader of the group has perhaps already ended."""
    # The group is perhaps empty. On macOS, killing a process that has already ended is a PermissionError.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _guard() -> list[str]:
    # -I ignores environment variables, and -S skips site-packages, so that the guard starts in 10 ms.
    return [sys.executable, "-I", "-S", str(Path(__file__).with_name("child_guard.py")), str(os.getpid())]
