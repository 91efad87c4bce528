"""Ends the servers that Inspect started, when this process ends. For example, `vllm/…` starts a vLLM server.

Inspect ends its servers when Python exits, but not if this process is killed. So each server is started together with a
guard process, which ends the server when this process has ended. Linux can send a signal when a parent ends. This
signal cannot be used here, because Inspect starts a server in a thread that ends soon. The end of this thread would
already send the signal.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from functools import cache
from subprocess import Popen

from toolmark.benchmark.core.child_processes import guarded, kill_group

__all__ = ["guard_started_servers"]

_SECONDS_TO_END = 1.0
"""The seconds that a server has to end by itself before it is killed. Inspect waits for the same time."""


@cache
def guard_started_servers() -> None:
    """Replace the two functions of Inspect that start and end a server.

    The new functions start a server together with a guard, and end a server with all its child processes.
    """
    if os.name != "posix":
        return
    from inspect_ai._util import local_server

    start = local_server.execute_shell_command

    def start_guarded(command: list[str], env: dict[str, str] | None = None) -> Popen[str]:
        return start(guarded(command), env)

    local_server.execute_shell_command = start_guarded
    local_server.kill_process_tree = _end_group


def _end_group(pid: int) -> None:
    """End a server and its child processes.

    Args:
        pid: The process ID of the server's guard. The process group has the same number.
    """
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)  # The guard passes this signal on to the server.
        time.sleep(_SECONDS_TO_END)
    kill_group(pid)
