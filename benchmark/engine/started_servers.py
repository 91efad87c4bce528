"""Servers that Inspect starts for a candidate end with this process. For example, `vllm/…` starts a vLLM server.

Inspect ends its servers when Python exits. It does not end them if this process is killed. Inspect starts a server in a
thread that soon ends, so Linux's signal for the death of a parent would come too early.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from functools import cache
from subprocess import Popen

from toolmark.benchmark.core.child_processes import guarded

__all__ = ["guard_started_servers"]

_SECONDS_TO_END = 1.0
"""As long as Inspect waits."""


@cache
def guard_started_servers() -> None:
    """Replace Inspect's functions that start and end a server.

    The new functions start the server with a guard, and end the server with all its children.
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
    """End a server and its children.

    Args:
        pid: The process ID of the server's guard, which is also the number of the process group.
    """
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)  # the guard sends it on to the server
        time.sleep(_SECONDS_TO_END)
        os.killpg(pid, signal.SIGKILL)
