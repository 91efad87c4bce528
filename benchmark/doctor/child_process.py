"""Runs checks in a process of their own, with a limit on the time.

torch, weights and chat templates can crash their process, use up the memory, or run without end. Then only the new
process is lost, and the findings that came before are kept.

    python -m toolmark.benchmark.doctor.child_process MODULE:FUNCTION ARGUMENTS

FUNCTION returns the checks. ARGUMENTS is a JSON object with the keyword arguments of FUNCTION. For each check, the
process writes two lines of JSON: the name of the check before the check begins, and later a pair of the name and the
finding.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from importlib import import_module
from queue import Empty, SimpleQueue
from tempfile import TemporaryFile
from threading import Thread
from typing import IO, Any

from toolmark.benchmark.core.child_processes import end, start, wait
from toolmark.benchmark.doctor.findings import Finding, brief, problem, run_checks

__all__ = ["findings_of_child"]

_END = b""

_SIGNALLED = 128
"""If a signal ended the process, its exit code is this number plus the number of the signal."""


def findings_of_child(
    checks: str, arguments: Mapping[str, Any], seconds: float, again: str
) -> Iterator[tuple[str, Finding]]:
    """Run checks in a new process, and yield the name and the finding of each check.

    If the process crashes or does not end in time, the last finding is a problem of the check that was running.

    Args:
        checks: The function that returns the checks, as `module:function`. Only the new process imports the module.
        arguments: The keyword arguments of the function, as JSON values.
        seconds: The limit on the time of all checks together.
        again: A sentence that says what to do if the time was too short.
    """
    # With -P, a file in the current folder is never imported in place of a package.
    command = [sys.executable, "-P", "-m", __name__, checks, json.dumps(arguments)]
    ends = time.monotonic() + seconds
    with TemporaryFile() as errors:
        process = start(command, output=subprocess.PIPE, errors=errors)
        running = checks.rpartition(":")[2]
        try:
            for line in _lines(process.stdout, ends):
                value = json.loads(line)
                if isinstance(value, str):
                    running = value
                else:
                    yield value[0], Finding(**value[1])
            if (code := wait(process)) != 0:
                yield running, problem(*_died(code, errors))
        except TimeoutError:
            yield running, problem(f"not finished after {seconds:g} s", again)
        finally:
            end(process, 0)


def _lines(stream: IO[bytes] | None, ends: float) -> Iterator[bytes]:
    """Yield the lines of a stream until its end. Raises `TimeoutError` if a line does not come before `ends`."""
    lines: SimpleQueue[bytes] = SimpleQueue()

    def read() -> None:
        with suppress(ValueError, OSError):
            for line in stream or ():
                lines.put(line)
        lines.put(_END)

    Thread(target=read, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=max(ends - time.monotonic(), 0.001))
        except Empty:
            raise TimeoutError from None
        if line == _END:
            return
        yield line


def _died(code: int, errors: IO[bytes]) -> tuple[str, str]:
    """Return what happened to a process that ended with this exit code, and what the user can do."""
    errors.seek(0)
    lines = errors.read()[-4000:].decode(errors="replace").strip().splitlines()
    last = f": {brief(lines[-1])}" if lines else ""
    name = {_SIGNALLED + number: number.name for number in signal.Signals}.get(code, f"exit code {code}")
    if name == "SIGKILL":
        return (
            "the process was killed by the system, as it happens when the memory is used up",
            "Close other programs, or use a smaller model.",
        )
    return (
        f"the process ended with {name}{last}",
        "Install torch again, in a build for this machine: pip install --force-reinstall --no-cache-dir torch",
    )


def _main(function: str, arguments: str) -> None:
    # What libraries print to standard output goes to standard error. Only findings are written to the copy `out`.
    with os.fdopen(os.dup(1), "w") as out:
        os.dup2(2, 1)

        def write(value: object) -> None:
            print(json.dumps(value), file=out, flush=True)

        module, _, name = function.partition(":")
        checks = getattr(import_module(module), name)(**json.loads(arguments))
        for check, finding in run_checks(checks, write):
            write([check, asdict(finding)])
    os._exit(0)  # Otherwise threads that wait for a server would keep the process alive.


if __name__ == "__main__":
    _main(*sys.argv[1:])
