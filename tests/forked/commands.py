"""Commands in processes of their own, without seconds of imports for each: forks of one process that is warm.

The real command runs, `python -m pytest` or `toolmark`, with its own folder, environment, streams and signals. One cold
run of each command is a test of its own.
"""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.forked.forks import asked

__all__ = ["MORE_WITH_TORCH", "WITHOUT_TORCH", "WITH_TORCH", "Commands", "Ended", "Started", "Toolmark", "running"]

ROOT = Path(__file__).parents[2]

WITHOUT_TORCH = (
    *("pytest", "scipy.stats", "pandas", "inspect_ai._eval.eval", "inspect_ai.model", "inspect_ai.agent._acp.server"),
    *("inspect_ai.model._providers.none", "inspect_ai.model._openai_responses"),
    *("ruamel.yaml", "markdown_it", "jinja2", "hypothesis", "anyio._backends._asyncio", "rich.markdown"),
    *("toolmark.benchmark.tools.catalog", "toolmark.benchmark.tools.sandbox"),
    *("toolmark.benchmark.evaluation.evaluate", "toolmark.benchmark.evaluation.models_command"),
    *("toolmark.benchmark.evaluation.options", "toolmark.benchmark.verdicts.gates"),
    *("toolmark.benchmark.runs.command", "toolmark.benchmark.runs.inspect_task", "toolmark.reports.command"),
    *("toolmark.reports.html", "toolmark.reports.push", "toolmark.reports.terminal", "toolmark.suites.command"),
)
"""What reports, cases and replays import; nothing of it reads the hub's settings."""

MORE_WITH_TORCH = (
    *("torch", "transformers.models.gemma3.modeling_gemma3", "peft", "aiohttp", "openai.resources.chat"),
    *("datasets", "datasketch", "toolmark.benchmark.engine.local_engine", "toolmark.benchmark.engine.served_client"),
    *("toolmark.generators.commands.data", "toolmark.generators.pipeline", "toolmark.generators.teacher"),
    *("toolmark.trainers.finetuning.finetune", "toolmark.trainers.host"),
)
"""What runs, generators and trainers import besides; not the modules that look for plug-ins at once."""

WITH_TORCH = (*WITHOUT_TORCH, *MORE_WITH_TORCH)

SECONDS = 240
"""After which a command is killed and its test fails."""


class Ended(subprocess.CompletedProcess[str]):
    """How a command ended, with short names for the generators' tests.

    Attributes:
        peak: The most memory that its process had, in KiB.
    """

    def __init__(self, args: list[str], returncode: int, stdout: str, stderr: str, peak: int) -> None:
        super().__init__(args, returncode, stdout, stderr)
        self.peak = peak

    @property
    def code(self) -> int | None:
        """The exit code; None where it was killed."""
        return None if self.returncode == -signal.SIGKILL else self.returncode

    @property
    def out(self) -> str:
        """What it printed on standard output."""
        return self.stdout

    @property
    def err(self) -> str:
        """What it printed on standard error."""
        return self.stderr

    @property
    def said(self) -> str:
        """Everything that it printed."""
        return self.stdout + self.stderr


class Started:
    """A command that runs.

    Attributes:
        pid: Of its process, which leads a group of its own.
    """

    def __init__(self, ask: Callable[[Mapping[str, Any]], Any], request: Mapping[str, Any]) -> None:
        self._ask = ask
        self._args = [request["program"], *request["arguments"]]
        self._files = [Path(request[name]) for name in ("out", "err")]
        self._said = ["", ""]
        # A limit on the size of files would hold for these, too; there they are pipes that are read at once.
        self._readers: list[threading.Thread] = []
        for number, file in enumerate(self._files):
            if request["room"] is None:
                file.touch()
            else:
                os.mkfifo(file)
                self._readers.append(threading.Thread(target=self._read, args=(number,), daemon=True))
                self._readers[-1].start()
        self.pid: int = ask({"start": request})
        self._status: dict[str, int] | None = None

    def _read(self, number: int) -> None:
        self._said[number] = self._files[number].read_text()

    def poll(self) -> int | None:
        """Its exit code, negative for a signal as in `subprocess`; None while it runs."""
        if self._status is None:
            self._status = self._ask({"poll": self.pid})
        return None if self._status is None else self._status["returncode"]

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to its process alone; one that has ended gets none."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it with all its workers."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def wait(self, timeout: float = SECONDS) -> Ended:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: It did not end; it is killed.
        """
        end = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > end:
                self.kill()
                raise subprocess.TimeoutExpired(self._args, timeout, *(file.read_bytes() for file in self._files))
            time.sleep(0.015)
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)  # workers of a command that was killed
        for reader in self._readers:
            reader.join(10)
        said = self._said if self._readers else [file.read_text() for file in self._files]
        assert self._status is not None
        return Ended(self._args, self._status["returncode"], said[0], said[1], self._status["peak"])


class Commands:
    """Starts commands; `commands("generate", …)` is `toolmark generate …`.

    Args:
        folder: For what the commands print.
        ask: Returns the answer of the process that forks them; see `forks.py`.
    """

    def __init__(self, folder: Path, ask: Callable[[Mapping[str, Any]], Any]) -> None:
        self._folder = folder
        self._ask = ask
        self._numbers = itertools.count()

    def with_modules(self, folder: Path, *modules: str, environment: Mapping[str, str] | None = None) -> Commands:
        """Commands that find `modules` imported besides, and whose output is kept in `folder`.

        What these packages read of their `environment` when they are imported must be given here.
        """
        name = str(folder)
        self._ask({"grow": name, "modules": modules, "environment": dict(environment or {})})
        return Commands(folder, lambda request: self._ask({"of": name, "request": request}))

    def start(
        self,
        program: str,
        *arguments: str,
        cwd: Path = ROOT,
        environment: Mapping[str, str] | None = None,
        kill_at: str | None = None,
        kill_by: signal.Signals = signal.SIGKILL,
        room: int | None = None,
        torn: bool = False,
        growth: int | None = None,
        cpu_seconds: int | None = None,
    ) -> Started:
        """Start a command.

        Args:
            program: `pytest` or `toolmark`.
            arguments: Of the command.
            cwd: The folder where it runs.
            environment: All its variables; those of this process where it is None.
            kill_at: It gets a signal before it opens or renames the first file whose path matches this pattern.
            kill_by: The signal.
            room: How many bytes a file may have, as if the disk were full then.
            torn: A write beyond `room` kills it by SIGXFSZ, after a part of the write is in the file.
            growth: How many bytes of address space its process may add to those of the process that forks it.
            cpu_seconds: After which it is killed by SIGXCPU.
        """
        request = {
            **self._request(program, arguments, cwd, os.environ if environment is None else environment),
            "kill_at": kill_at,
            "kill_by": kill_by,
            "room": room,
            "torn": torn,
            "growth": growth,
            "cpu_seconds": cpu_seconds,
        }
        return Started(self._ask, request)

    def one_after_the_other(
        self,
        commands: Sequence[tuple[Sequence[str], Path, Mapping[str, str]]],
        *,
        growth: int,
        cpu_seconds: int,
        seconds: float,
    ) -> tuple[list[Ended], Ended]:
        """Run `toolmark` several times in one process. A command finds there what the earlier ones have left.

        Args:
            commands: The arguments, the folder and the environment of each.
            growth: How many bytes of address space the process may add in total.
            cpu_seconds: After which a command is killed by SIGXCPU.
            seconds: After which a command is killed by SIGALRM.

        Returns:
            How the commands ended, without the one that ended the process and those after it. How the process ended,
            with what the command printed that ended it.
        """
        requests = [self._request("toolmark", *command) for command in commands]
        for request in requests:
            for name in ("out", "err"):
                Path(request[name]).touch()
        whole = self._request("toolmark", (), ROOT, {})
        codes = Path(f"{whole['out']}.codes")
        codes.touch()
        limits = {"growth": growth, "cpu_seconds": cpu_seconds, "seconds": seconds}
        process = Started(self._ask, {**whole, "room": None, "requests": requests, "codes": str(codes), **limits})
        last = process.wait(SECONDS + seconds * len(commands))
        said = [[Path(request[name]).read_text() for name in ("out", "err")] for request in requests]
        ended = [
            Ended(["toolmark", *request["arguments"]], int(code), *printed, last.peak)
            for request, code, printed in zip(requests, codes.read_text().split(), said, strict=False)
        ]
        if len(ended) < len(said):
            last.stdout, last.stderr = said[len(ended)]
        return ended, last

    def _request(
        self, program: str, arguments: Sequence[str], cwd: Path, environment: Mapping[str, str]
    ) -> dict[str, Any]:
        number = next(self._numbers)
        return {
            "program": program,
            "arguments": [str(one) for one in arguments],
            "cwd": str(cwd),
            "environment": dict(environment),
            "out": str(self._folder / f"out{number}"),
            "err": str(self._folder / f"err{number}"),
        }

    def __call__(
        self, *arguments: str, environment: Mapping[str, str] | None = None, until: tuple[Path, int] | None = None
    ) -> Ended:
        """Run `toolmark`, or kill it once the file `until[0]` has `until[1]` lines."""
        whole = {**os.environ, "COLUMNS": "200", **(environment or {})}
        started = self.start("toolmark", *arguments, environment=whole)
        if until is not None:
            file, wanted = until
            while started.poll() is None:
                if file.exists() and file.read_bytes().count(b"\n") >= wanted:
                    started.kill()
                    break
                time.sleep(0.002)
        return started.wait()


Toolmark = Commands


@contextmanager
def running(folder: Path, *modules: str) -> Iterator[Commands]:
    """Commands that find `modules` imported, and whose output is kept in `folder`, until the context ends."""
    here, there = socket.socketpair()
    command = [sys.executable, str(Path(__file__).with_name("forks.py")), str(there.fileno()), *modules]
    # macOS refuses forks of a process that has loaded its frameworks, unless it is told.
    whole = {**os.environ, "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES"}
    lock = threading.Lock()
    with here, subprocess.Popen(command, stdin=subprocess.DEVNULL, env=whole, pass_fds=[there.fileno()]) as server:
        there.close()
        lines = here.makefile("rw")

        def ask(request: Mapping[str, Any]) -> Any:
            with lock:
                return asked(lines, request)

        try:
            yield Commands(folder, ask)
        finally:
            here.shutdown(socket.SHUT_RDWR)
            server.wait(timeout=30)
