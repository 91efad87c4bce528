"""A small program, the guard, that ends a child process when the parent process has ended.

    python child_guard.py PARENT COMMAND…

PARENT is the process ID of the process that starts the guard. The guard works even if PARENT is killed. COMMAND can be
any program. The guard is not a thread, because a thread does not run while a library holds Python's lock.

If the parent of a process ends, the operating system gives the process another parent at once. For this reason, the
guard compares the ID of its parent with PARENT five times per second. This works on Linux and on macOS.

The guard imports nothing of Toolmark, because it is started often and must start fast.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from types import FrameType

SECONDS_BETWEEN_LOOKS = 0.2

SECONDS_TO_END = 2.0
"""Time in seconds that a command has to end after SIGTERM. After this time, the command is killed."""

FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(parent: int, command: list[str]) -> int:
    """Run a command in a process group of its own, and return its exit code.

    If this process gets a signal in `FORWARDED`, the command gets the signal too.

    Returns:
        The exit code of the command. If a signal ended the command, 128 plus the number of the signal, as in a shell.
    """
    early: list[int] = []
    child: subprocess.Popen[bytes] | None = None

    def forward(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a signal handler
        if child is None:
            early.append(number)
        else:
            child.send_signal(number)

    with suppress(PermissionError):  # The leader of a session already has a group of its own.
        os.setpgid(0, 0)
    # Without this line, a terminal would stop a command that prints in the background.
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    for number in FORWARDED:
        if signal.getsignal(number) is not signal.SIG_IGN:  # For example, SIGHUP is ignored under nohup.
            signal.signal(number, forward)
    child = subprocess.Popen(command)  # noqa: S603
    for waiting in early:
        child.send_signal(waiting)
    threading.Thread(target=end_with, args=(parent, child), daemon=True).start()
    code = child.wait()
    if os.getppid() != parent:  # The parent has ended, so only the guard can end the children of the command.
        os.killpg(0, signal.SIGKILL)
    return code if code >= 0 else 128 - code


def end_with(parent: int, child: subprocess.Popen[bytes]) -> None:
    """Wait until the parent has ended. Then end the command, and kill the process group, including the guard."""
    while os.getppid() == parent:
        time.sleep(SECONDS_BETWEEN_LOOKS)
    child.terminate()
    with suppress(subprocess.TimeoutExpired):
        child.wait(SECONDS_TO_END)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(run(int(sys.argv[1]), sys.argv[2:]))
