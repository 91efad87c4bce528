"""Runs commands of toolmark as forks of this process, which has the heavy packages imported.

    python forks.py MODULE…

Each line of standard input is a request, a JSON object: `arguments`, `environment`, `out` and `err` (files for what is
printed), and `until`: null, or a ledger and the number of lines in it at which the command is killed. The answer is a
line too: the exit code, or null where it was killed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any


def preload() -> None:
    """Import what takes seconds, so that a command starts at once and a kill falls into its work.

    Not at the top: a worker of the sandbox imports this module again.
    """
    for module in sys.argv[1:]:
        import_module(module)
    if "inspect_ai.model" in sys.argv:
        from inspect_ai.model import get_model_info

        get_model_info("openai/gpt-4.1")  # reads its list of all models


def enter(request: dict[str, Any]) -> None:
    """Become the command, in the child."""
    os.setpgid(0, 0)  # its workers end with it
    for stream, file in ((1, request["out"]), (2, request["err"])):
        os.dup2(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC), stream)
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.path[:0] = filter(None, request["environment"].get("PYTHONPATH", "").split(os.pathsep))
    sys.argv = ["toolmark", *request["arguments"]]
    from toolmark.benchmark.cli import main

    main()


def ended(child: int, until: tuple[str, int] | None) -> int | None:
    """The exit code of `child`, or None once it was killed."""
    if until is not None:
        ledger, wanted = Path(until[0]), until[1]
        while not ledger.exists() or ledger.read_bytes().count(b"\n") < wanted:
            time.sleep(0.002)
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
        os.killpg(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return None if code == -signal.SIGKILL else code


if __name__ == "__main__":
    preload()
    while line := sys.stdin.readline():
        asked = json.loads(line)
        fork = os.fork()
        if fork == 0:
            enter(asked)
            sys.exit(0)
        sys.stdout.write(json.dumps(ended(fork, asked["until"])) + "\n")
        sys.stdout.flush()
