"""Runs tools in a worker process with limits, and tells how each call ended.

One worker is started on the first call and reused: a warm call costs a fraction of a millisecond. A call that runs out
of time, or takes the worker down, costs that worker; the next call gets a fresh one. Whatever a model asked for, the
answer is a `Result`; only an implementation that cannot be imported, or a worker that cannot start, is an error.
"""

from __future__ import annotations

import json
import multiprocessing
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
    """What one call may take.

    Attributes:
        seconds: Wall-clock time, and processor time rounded up.
        memory: Bytes on top of what the tool's imports took; also the largest file it may write.
        arguments: Bytes of the arguments as JSON.
        output: Bytes of the result as JSON.
        confined: No network, no processes, no file outside a scratch folder. False only for tools that the user let
            out with `--execute`.
    """

    seconds: float = 2.0
    memory: int = 512 * 2**20
    arguments: int = 2**20
    output: int = 256 * 2**10
    confined: bool = True


@dataclass(frozen=True, slots=True)
class Result:
    """How one call ended: a JSON value when `kind` is `ok`, else the reason in `error`.

    `error` is the tool's own refusal (or arguments that its schema refuses), the other kinds name the limit that was
    met: `timeout`, `memory`, `crash` (the worker died), `too_large` (arguments or result), `no_implementation`.
    """

    value: JsonValue | None
    error: str | None
    kind: Kind


def missing_limits() -> tuple[str, ...]:
    """The limits that this platform cannot enforce, as texts to print; empty on Linux."""
    if sys.platform == "linux":
        return ()
    if sys.platform == "darwin":
        return ("macOS: the memory of a tool call is not limited",)
    return (f"{sys.platform}: memory, processor time and file size of a tool call are not limited",)


class Sandbox:
    """A context manager that runs tools; not for several threads at once.

    Args:
        limits: What one call may take.
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
        """End the worker and remove the scratch folder; a later call starts anew."""
        if self._pool is not None:
            self._pool.stop()  # type: ignore[no-untyped-call]
            self._pool.join()
            self._pool = None
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None
        self._prepared.clear()

    def run(self, tool: Tool, arguments: Mapping[str, Any]) -> Result:
        """Call `tool`; arguments that its schema refuses never reach it.

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
            found = problems(arguments, compile_schema(tool.parameters))
        except SchemaError as error:
            raise InputError(f"The parameters of {tool.name} are no valid schema: {error}", "Correct them.") from None
        if found:
            return Result(None, "; ".join(f"{p.path or 'arguments'}: {p.message}" for p in found[:3]), "error")
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
            raise InputError(f"The tool implementation {run} cannot be loaded: {answer['error']}", "Correct its code.")
        self._prepared.add(run)

    def _schedule(self, function: Callable[..., str], arguments: tuple[str, ...], seconds: float) -> str:
        try:
            return self._answer(function, arguments, seconds)
        except RuntimeError:
            # A worker that died between two calls breaks Pebble's pool, and says nothing about this call.
            self.close()
        try:
            return self._answer(function, arguments, seconds)
        except RuntimeError as error:
            self.close()
            fix = "Run from a script file or module: the worker must be able to import the main program."
            raise EnvironmentFault(f"The sandbox's worker process does not start: {error}", fix) from None

    def _answer(self, function: Callable[..., str], arguments: tuple[str, ...], seconds: float) -> str:
        return str(self._started().schedule(function, args=arguments, timeout=seconds).result())

    def _started(self) -> ProcessPool:
        if self._pool is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="toolmark-sandbox-", ignore_cleanup_errors=True)
            limits = self.limits
            self._pool = ProcessPool(
                max_workers=1,
                # A forked worker would inherit open files, threads and model weights.
                context=multiprocessing.get_context("spawn"),
                initializer=sandbox_worker.enter,
                initargs=(self._scratch.name, limits.seconds, limits.memory, limits.output, limits.confined),
            )
        return self._pool
