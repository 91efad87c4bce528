"""Runs tools in a worker process with limits, and reports how each call ended.

The first call starts the worker. Later calls reuse the worker and take less than a millisecond. If a call exceeds the
time limit, or the worker crashes, the next call starts a new worker. The result of every call is a `Result`. An
exception is raised only if an implementation cannot be imported, or if the worker cannot start.
"""

from __future__ import annotations

import json
import signal
import sys
import tempfile
from concurrent.futures import TimeoutError as OutOfTime
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

from pebble import ProcessExpired, ProcessPool

from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.tools import sandbox_worker
from toolmark.benchmark.tools.schemas import SchemaError, compile_schema, problems
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
        seconds: Limit of the wall-clock time. The rounded-up value is also the limit of the processor time.
        memory: Bytes of memory, in addition to the memory of the tool's imports. No file may be larger than this number
            of bytes.
        arguments: Largest size in bytes of the arguments as JSON.
        output: Largest size in bytes of the result as JSON.
        confined: Whether network, processes and files outside a scratch folder are refused. False only for tools that
            the user allowed with `--execute`.
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
        value: The JSON value of the result, if `kind` is `ok`.
        error: The reason, if `kind` is not `ok`.
        kind: One of `ok`, `error`, `timeout`, `memory`, `crash`, `too_large` and `no_implementation`. With `error`, the
            tool raised an error, or its schema refused the arguments. With `crash`, the worker died. With `too_large`,
            the arguments or the result are too large.
    """

    value: JsonValue | None
    error: str | None
    kind: Kind


def missing_limits() -> tuple[str, ...]:
    """Lines for the user about limits that this platform cannot enforce. On Linux there are no such lines."""
    if sys.platform == "linux":
        return ()
    if sys.platform == "darwin":
        return ("macOS: the memory of a tool call is not limited",)
    return (f"{sys.platform}: memory, processor time and file size of a tool call are not limited",)


class Sandbox:
    """A context manager that runs tools, and ends the worker on exit. Only one thread may use a sandbox at a time.

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
        """Call a tool. If the tool's schema refuses the arguments, the tool is not run.

        Raises:
            InputError: The implementation cannot be imported, or the tool's schema is invalid.
            EnvironmentFault: The worker process cannot be started.
        """
        if tool.run is None:
            return Result(None, f"{tool.name} has no implementation", "no_implementation")
        try:
            text = json.dumps(dict(arguments), allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            return Result(None, f"the arguments are not JSON: {error}", "error")
        if len(text) > self.limits.arguments:
            reason = f"the arguments have {len(text)} bytes; {self.limits.arguments} are allowed"
            return Result(None, reason, "too_large")
        try:
            violations = problems(arguments, compile_schema(tool.parameters))
        except SchemaError as error:
            raise InputError(
                f"The parameters of {tool.name} are not a valid JSON Schema: {error}", "Correct them."
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
            # Pebble's pool fails if the worker died between two calls. The current call did not cause this failure.
            self.close()
        try:
            return self._answer(function, arguments, seconds)
        except RuntimeError as error:
            self.close()
            raise EnvironmentFault(
                f"The sandbox's worker process does not start: {error}",
                "Check how much memory and how many processes are allowed here, then run the same command again.",
            ) from None

    def _answer(self, function: Callable[..., str], arguments: tuple[str, ...], seconds: float) -> str:
        return str(self._started().schedule(function, args=arguments, timeout=seconds).result())

    def _started(self) -> ProcessPool:
        if self._pool is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="toolmark-sandbox-", ignore_cleanup_errors=True)
            limits = self.limits
            self._pool = ProcessPool(
                max_workers=1,
                # A forked worker would inherit the open files, threads and model weights of this process.
                context=WorkerContext(),
                initializer=sandbox_worker.enter,
                initargs=(self._scratch.name, limits.seconds, limits.memory, limits.output, limits.confined),
            )
        return self._pool
