"""Runs tools in a worker process with limits, and reports how each call ended.

The first call starts the worker, and later calls use the same worker. If a call exceeds the time limit or the worker
crashes, the next call starts a new worker. Every call returns a `Result`. An exception is raised only if an
implementation cannot be imported, a schema is invalid, or the worker cannot start.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from concurrent.futures import TimeoutError as OutOfTime
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

from pebble import ProcessExpired, ProcessPool

from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.core.interruption import uninterrupted
from toolmark.benchmark.tools import sandbox_worker
from toolmark.benchmark.tools.schemas import SchemaError, problems, validator_of
from toolmark.benchmark.tools.worker_process import WorkerContext

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from pydantic import JsonValue

    from toolmark.benchmark.data.cases import Tool

__all__ = ["CallLimits", "Result", "Sandbox", "missing_limits"]

Kind = Literal["ok", "error", "timeout", "memory", "crash", "too_large", "no_implementation"]

IMPORT_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class CallLimits:
    """Limits of one tool call.

    Attributes:
        seconds: Limit of the wall-clock time in seconds. The rounded-up value is also the limit of the processor time.
        memory: Limit of the memory in bytes, in addition to the memory that the imports of the tool need. This is also
            the largest size of a file.
        arguments: Largest size of the arguments as JSON, in bytes.
        output: Largest size of the result as JSON, in bytes.
        confined: Whether the sandbox refuses access to the network, to processes, and to files outside a scratch
            folder. False only for tools that the user allowed with `--execute`.
    """

    seconds: float = 2.0
    memory: int = 512 * 2**20
    arguments: int = 2**20
    output: int = 256 * 2**10
    confined: bool = True


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one tool call.

    Attributes:
        value: The result as a JSON value, if `kind` is `ok`.
        error: The reason of the failure, if `kind` is not `ok`.
        kind: How the call ended:

            - `ok`: The tool returned a value.
            - `error`: The tool raised an error, or the arguments do not fit the schema.
            - `timeout` or `memory`: The call exceeded this limit.
            - `too_large`: The arguments or the result exceeded their limit.
            - `crash`: The worker process ended.
            - `no_implementation`: The tool has no implementation.
    """

    value: JsonValue | None
    error: str | None
    kind: Kind


def missing_limits() -> tuple[str, ...]:
    """Return lines for the user about limits that this platform cannot enforce. The result is empty on Linux."""
    if sys.platform == "linux":
        return ()
    if sys.platform == "darwin":
        return ("macOS: the memory of a tool call is not limited",)
    return (f"{sys.platform}: memory, processor time and file size of a tool call are not limited",)


class Sandbox:
    """Runs tools in a worker process. Only one thread may use a sandbox at a time.

    Use a sandbox in a `with` statement, which ends the worker process.

    Args:
        limits: Limits of each call.
    """

    def __init__(self, limits: CallLimits | None = None) -> None:
        self.limits = limits or CallLimits()
        self._pool: ProcessPool | None = None
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._prepared: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the worker and remove the scratch folder. A later call starts a new worker."""
        if self._pool is not None:
            self._pool.stop()  # type: ignore[no-untyped-call]
            self._pool.join()
            self._pool = None
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None
        self._prepared.clear()

    def run(self, tool: Tool, arguments: Mapping[str, Any]) -> Result:
        """Call a tool and return the result. If the arguments do not fit the schema, the tool is not run.

        Raises:
            InputError: The implementation cannot be imported, or the schema of the tool is invalid.
            EnvironmentFault: The worker process cannot be started.
        """
        if tool.run is None:
            return Result(None, f"{tool.name} has no implementation", "no_implementation")
        try:
            text = json.dumps(dict(arguments), allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            return Result(None, f"the arguments are not JSON: {error}", "error")
        if len(text) > self.limits.arguments:
            reason = f"the arguments have {len(text)} bytes, but at most {self.limits.arguments} are allowed"
            return Result(None, reason, "too_large")
        try:
            violations = problems(arguments, validator_of(tool))
        except SchemaError as error:
            raise InputError(
                f"The parameters of {tool.name} are not a valid JSON Schema: {error}", "Correct the parameters."
            ) from None
        if violations:
            return Result(None, "; ".join(f"{p.path or 'arguments'}: {p.message}" for p in violations[:3]), "error")
        return self._call(tool.run, text)

    def _call(self, run: str, arguments: str) -> Result:
        try:
            self._prepare(run)
            answer = json.loads(self._schedule(sandbox_worker.call, (run, arguments), self.limits.seconds))
            return Result(answer.get("value"), answer.get("error"), answer["kind"])
        except OutOfTime:
            self._prepared.clear()
            return Result(None, f"took longer than {self.limits.seconds:g} s", "timeout")
        except ProcessExpired as error:
            self._prepared.clear()
            if error.exitcode == -getattr(signal, "SIGXCPU", 0):
                return Result(None, f"took more than {self.limits.seconds:g} s of processor time", "timeout")
            return Result(None, f"the worker process ended with status {error.exitcode}", "crash")

    def _prepare(self, run: str) -> None:
        if run in self._prepared:
            return
        answer = json.loads(self._schedule(sandbox_worker.prepare, (run,), IMPORT_SECONDS))
        if "error" in answer:
            raise InputError(
                f"The tool implementation {run} cannot be loaded: {answer['error']}", "Correct the code of the tool."
            )
        self._prepared.add(run)

    def _schedule(self, function: Callable[..., str], arguments: tuple[str, ...], seconds: float) -> str:
        try:
            return self._answer(function, arguments, seconds)
        except RuntimeError:
            # The pool fails if the worker ended between two calls. This call did not cause the failure, so the call is
            # tried once more.
            self.close()
        try:
            return self._answer(function, arguments, seconds)
        except RuntimeError as error:
            self.close()
            raise EnvironmentFault(
                f"The sandbox's worker process does not start: {error}",
                "Check the limits of memory and of processes on this machine, then run the same command again.",
            ) from None

    def _answer(self, function: Callable[..., str], arguments: tuple[str, ...], seconds: float) -> str:
        return str(self._started().schedule(function, args=arguments, timeout=seconds).result())

    def _started(self) -> ProcessPool:
        if self._pool is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="toolmark-sandbox-", ignore_cleanup_errors=True)
            limits = self.limits
            self._pool = ProcessPool(
                max_workers=1,
                # The worker is not forked, because a fork would inherit the open files and the model weights.
                context=WorkerContext(),
                initializer=sandbox_worker.enter,
                initargs=(self._scratch.name, limits.seconds, limits.memory, limits.output, limits.confined),
            )
            with uninterrupted():  # If this process ends while the worker starts, the worker prints a traceback.
                self._pool.schedule(os.getpid).result()
        return self._pool
