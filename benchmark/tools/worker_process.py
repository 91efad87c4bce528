"""Starts the worker process of the sandbox, sends requests to it, and ends it. This code runs in the main process.

The worker is a new program and not a fork, so it has no open files and no objects of the main process.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, cast

from toolmark.benchmark.core.child_processes import kill, start
from toolmark.benchmark.core.secrets import command_without_secrets
from toolmark.benchmark.tools.scratch_folders import ScratchFolder

__all__ = ["CallLimits", "WorkerEnded", "WorkerProcess"]

_SECRET_WORDS = ("KEY", "TOKEN", "SECRET", "PASSW", "CREDENTIAL", "AUTH", "COOKIE")
"""Environment variables with one of these words anywhere in their names are hidden from confined tools. This rule is
stricter than the rule for secrets in texts."""

_PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from toolmark.benchmark.tools.sandbox_worker import serve; serve(**json.loads(sys.argv[2]))"
)
_LONGEST_ESCAPE = 8
"""The largest number of bytes that one byte of a result becomes in the line of an answer, because of escapes."""

_LARGEST_ERROR = 100_000
_SECONDS_TO_START = 120.0
_SECONDS_TO_END = 2.0


@dataclass(frozen=True, slots=True)
class CallLimits:
    """Limits of one tool call.

    Attributes:
        seconds: Limit of the wall-clock time in seconds. There is a similar limit of the processor time.
        memory: Limit of the memory in bytes, in addition to the memory that the imports of the tool need. The number is
            also the largest size of a file in bytes.
        arguments: Largest size of the arguments as JSON, in bytes.
        output: Largest size of the result as JSON, in bytes.
        confined: Whether the sandbox refuses access to the network, to processes, and to files outside a scratch
            folder. It is False only for tools whose effects the user allowed with `--execute`.
    """

    seconds: float = 2.0
    memory: int = 512 * 2**20
    arguments: int = 2**20
    output: int = 256 * 2**10
    confined: bool = True


class WorkerEnded(Exception):
    """The worker ended instead of answering.

    Attributes:
        in_time: True if the worker ended by itself. False if it was killed, because its time was over.
        status: The exit code of the worker.
    """

    def __init__(self, in_time: bool, status: int | None) -> None:
        super().__init__(f"the worker process ended with status {status}" if in_time else "its time was over")
        self.in_time = in_time
        self.status = status


class WorkerProcess:
    """A running worker process. It ends when this process ends.

    Args:
        limits: The limits of each call.

    Raises:
        WorkerEnded: The worker does not start.
        OSError: The program cannot be started, or the scratch folder cannot be made.
        ValueError: The limits of a call cannot be set.
    """

    def __init__(self, limits: CallLimits) -> None:
        settings = asdict(limits)
        del settings["arguments"]
        self._largest = _LONGEST_ESCAPE * limits.output + _LARGEST_ERROR
        self._scratch = ScratchFolder()
        try:
            # Some entries of `sys.path` are not paths. Import hooks use these entries, for example for packages in an
            # editable install. They stay unchanged.
            path = [str(Path(entry).absolute()) if Path(entry).exists() else entry for entry in sys.path]
            words = [json.dumps(path), json.dumps({**settings, "scratch": str(self._scratch.path)})]
            self._process = start(
                [sys.executable, "-c", _PROGRAM, *words],
                _environment(limits.confined, str(self._scratch.path)),
                stdin=subprocess.PIPE,
                output=subprocess.PIPE,
                errors=subprocess.DEVNULL,
            )
        except BaseException:
            self._scratch.remove()
            raise
        self._requests, self._answers = (
            cast("IO[bytes]", pipe) for pipe in (self._process.stdin, self._process.stdout)
        )
        if reason := self.ask({}, _SECONDS_TO_START).get("error"):
            self.close()
            raise ValueError(reason)

    def ask(self, request: Mapping[str, str], seconds: float) -> dict[str, Any]:
        """Return the answer of the worker to a request.

        Raises:
            WorkerEnded: The worker did not answer within `seconds`, or ended without an answer. In both cases, the
                worker has ended.
        """
        over = threading.Event()

        def stop() -> None:
            over.set()
            kill(self._process)

        timer = threading.Timer(seconds, stop)
        timer.daemon = True
        timer.start()
        # A tool with effects runs in the worker, and could write to the worker's pipe. So each request has a new token.
        # If an answer contains the token, it does not belong to an earlier request.
        token = secrets.token_hex(8)
        answer: dict[str, Any] | None = None
        try:
            with suppress(BrokenPipeError):
                self._requests.write(json.dumps([token, request]).encode() + b"\n")
                self._requests.flush()
                answer = _answer(self._answers.readline(self._largest), token)
        finally:
            timer.cancel()
            # The worker is ended after an interruption, too. Otherwise a later request would get this answer.
            if answer is None:
                self._end()
        if answer is None:
            raise WorkerEnded(not over.is_set(), self._process.returncode)
        return answer

    def is_alive(self) -> bool:
        """Return whether the worker is still running."""
        return self._process.poll() is None

    def close(self) -> None:
        """End the worker and remove its scratch folder."""
        with suppress(BrokenPipeError):
            self._requests.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_SECONDS_TO_END)
        self._end()

    def _end(self) -> None:
        kill(self._process)
        for stream in (self._requests, self._answers):
            with suppress(BrokenPipeError):
                stream.close()
        self._scratch.remove()


def _answer(line: bytes, token: str) -> dict[str, Any] | None:
    """Return the answer in a line of the worker, or None if the line does not answer the request with this token."""
    with suppress(ValueError, RecursionError):
        match json.loads(line):
            case [str(same), dict(answer)] if same == token:
                return answer
    return None


def _environment(confined: bool, scratch: str) -> dict[str, str]:
    """Return the environment variables of a worker.

    If the tools are confined, secrets are left out, because a model could make a tool reveal them.
    """
    every = {**os.environ, "TMPDIR": scratch}
    if not confined:
        return every
    return {name: value for name, value in every.items() if not _is_secret(name, value)}


def _is_secret(name: str, value: str) -> bool:
    return any(word in name.upper() for word in _SECRET_WORDS) or command_without_secrets(value) != value
