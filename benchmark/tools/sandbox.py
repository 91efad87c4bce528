"""Runs tools with limits, and reports how each call ended.

The first call starts a worker process. The worker imports the tools. Each call of a confined tool then runs in a new
process, so that no call can change a later call. Only calls of shipped tools share a process.

Every call returns a `Result`. An exception is raised only if an implementation cannot be imported, if a schema is
invalid, or if the worker process does not start or cannot set the limits.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.core.interruption import uninterrupted
from toolmark.benchmark.core.secrets import command_without_secrets, redacted
from toolmark.benchmark.tools.confinement.confine import missing_limits
from toolmark.benchmark.tools.implementations import is_world_method
from toolmark.benchmark.tools.schemas import SchemaError, problems, validator_of
from toolmark.benchmark.tools.worker_process import CallLimits, WorkerEnded, WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import NoReturn

    from pydantic import JsonValue

    from toolmark.benchmark.data.cases import Tool

__all__ = ["LARGEST_ERROR", "CallLimits", "Kind", "Result", "Sandbox", "missing_limits"]

Kind = Literal["ok", "error", "timeout", "memory", "crash", "too_large", "no_implementation"]

_IMPORT_SECONDS = 120.0

_SECONDS_TO_CLEAN = 30.0
"""The worker process ends a call in time, and then removes the files of the call. There can be many files, so the
worker has this additional time before it is killed."""

LARGEST_ERROR = 500
"""Largest number of characters of the error in a `Result`."""

_DEEPEST_VALUE = 100


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one tool call.

    Attributes:
        value: The result as a JSON value, if `kind` is `ok`.
        error: The reason of the failure, if `kind` is not `ok`.
        kind: How the call ended:

            - `ok`: The tool returned a value.
            - `error`: The tool raised an error, the arguments do not fit the schema, or they are too large.
            - `timeout`: The call took longer than its time limit.
            - `memory`: The call needed more memory than its limit.
            - `too_large`: The result was larger than its limit.
            - `crash`: The process of the call ended without an answer, or the answer cannot be read.
            - `no_implementation`: The tool has no implementation.
    """

    value: JsonValue | None
    error: str | None
    kind: Kind

    @property
    def text(self) -> str:
        """Return what a model reads: a string as it is, another value as JSON, an error as JSON.

        For example, the text of an error is `{"error": "There is no account 'savings'."}`.
        """
        if self.kind == "ok" and isinstance(self.value, str):
            return self.value
        return json.dumps(self.value if self.kind == "ok" else {"error": self.error}, ensure_ascii=False)

    @property
    def is_fault(self) -> bool:
        """Return whether the tool failed in a way that a model cannot correct."""
        return self.kind not in ("ok", "error")


class Sandbox:
    """Runs tools with limits. Two threads must not use the same sandbox at the same time.

    Use a sandbox in a `with` statement, which ends the worker process.

    Args:
        limits: Limits of each call.
    """

    def __init__(self, limits: CallLimits | None = None) -> None:
        self.limits = limits or CallLimits()
        self._worker: WorkerProcess | None = None
        self._prepared: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the worker and remove its files. A later call starts a new worker."""
        worker, self._worker = self._worker, None
        self._prepared.clear()
        if worker is not None:
            worker.close()

    def run(self, tool: Tool, arguments: Mapping[str, Any], state: JsonValue = None) -> Result:
        """Call a tool and return the result. If the arguments do not fit the schema, the tool is not run.

        Args:
            tool: The tool.
            arguments: The arguments of the call.
            state: The state of the world, if the tool is a tool of a world. The value of the result is then what
                `worlds.world.stateful` describes.

        Raises:
            InputError: The implementation cannot be imported, or the schema of the tool is invalid.
            EnvironmentFault: The worker process cannot be started, or cannot set the limits.
        """
        if tool.run is None:
            return Result(None, f"{tool.name} has no implementation", "no_implementation")
        if is_world_method(tool.run) and state is None:
            reason = f"{tool.name} is a tool of a world, and can run only in a scenario"
            return Result(None, reason, "no_implementation")
        try:
            text = json.dumps(dict(arguments), allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            return Result(None, f"the arguments are not JSON: {error}", "error")
        if len(text) > self.limits.arguments:
            reason = f"the arguments have {len(text)} bytes, but at most {self.limits.arguments} are allowed"
            return Result(None, reason, "error")
        try:
            violations = problems(arguments, validator_of(tool))
        except SchemaError as error:
            raise InputError(
                f"The parameters of {tool.name} are not a valid JSON Schema: {error}", "Correct the parameters."
            ) from None
        if violations:
            return Result(None, "; ".join(f"{p.path or 'arguments'}: {p.message}" for p in violations[:3]), "error")
        if state is not None:
            text = json.dumps({**arguments, "self": state})
        return self._call(tool.run, text)

    def _call(self, run: str, arguments: str) -> Result:
        seconds = self.limits.seconds + (_SECONDS_TO_CLEAN if self.limits.confined else 0)
        try:
            answer = self._ask({"call": run, "arguments": arguments}, seconds, prepare=run)
        except WorkerEnded as ended:
            if ended.in_time:
                return Result(None, str(ended), "crash")
            return Result(None, f"took longer than {self.limits.seconds:g} s", "timeout")
        return _result(answer["ended"]) if "ended" in answer else Result(None, answer["error"], answer["kind"])

    def _ask(self, request: Mapping[str, str], seconds: float, *, prepare: str) -> dict[str, Any]:
        """Send a request to the worker, and return the answer.

        If the worker ended for a reason that has nothing to do with this request, the request is sent once more, to a
        new worker.
        """
        for again in (True, False):
            worker = self._ready(prepare)
            without_fault = self.limits.confined or not worker.is_alive()
            try:
                return worker.ask(request, seconds)
            except WorkerEnded as ended:
                self.close()
                if not (again and ended.in_time and without_fault):
                    raise
            except BaseException:
                self.close()
                raise
        raise AssertionError("unreachable")

    def _ready(self, run: str) -> WorkerProcess:
        """Return a worker that has imported the implementation `run`."""
        worker = self._started()
        if run in self._prepared:
            return worker
        try:
            reason = worker.ask({"prepare": run}, _IMPORT_SECONDS).get("error")
        except WorkerEnded as ended:
            self.close()
            reason = str(ended) if ended.in_time else f"the import takes longer than {_IMPORT_SECONDS:g} s"
        except BaseException:
            self.close()
            raise
        if reason is not None:
            what = redacted(
                f"The tool implementation {command_without_secrets(run)} cannot be loaded: {reason[:LARGEST_ERROR]}"
            )
            raise InputError(what, "Correct the code of the tool.")
        self._prepared.add(run)
        return worker

    def _started(self) -> WorkerProcess:
        if self._worker is None:
            try:
                with uninterrupted():  # Otherwise an interruption could leave a worker process that never ends.
                    self._worker = WorkerProcess(self.limits)
            except (WorkerEnded, OSError) as error:
                _refuse(f"The sandbox's worker process does not start: {error}")
            except ValueError as error:
                _refuse(f"The limits of a tool call cannot be set on this machine: {error}")
        return self._worker


def _refuse(what: str) -> NoReturn:
    raise EnvironmentFault(
        what, "Check the limits of memory and of processes on this machine, then run the same command again."
    ) from None


def _result(text: str) -> Result:
    """Return the result in the text that the process of a call wrote.

    The text can contain anything, because the code of the tool possibly wrote it.
    """
    try:
        answer = json.loads(text, parse_constant=_no_number)
        kind = answer["kind"]
        if kind == "ok":
            return _value(answer["value"])
        if kind in get_args(Kind):
            error = str(answer["error"]).encode(errors="backslashreplace").decode()
            return Result(None, redacted(error)[:LARGEST_ERROR], kind)
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    return Result(None, "the answer of the process of the call cannot be read", "crash")


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")


def _value(value: JsonValue) -> Result:
    """Return the result of a call that returned `value`. Secrets in `value` are hidden.

    If a secret is part of a number, the text with the hidden secret is not JSON. The value of the result is then this
    text, as one string.

    Raises:
        ValueError: A number is infinite.
    """
    if _is_deeper(value, _DEEPEST_VALUE):
        return Result(None, f"the result has more than {_DEEPEST_VALUE} levels", "too_large")
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # The text contains a lone surrogate, which cannot be written to a file.
        return Result(None, "the result contains a text that is not Unicode", "error")
    hidden = redacted(text)
    if hidden == text:
        return Result(value, None, "ok")
    try:
        return Result(json.loads(hidden), None, "ok")
    except ValueError:
        return Result(hidden, None, "ok")


def _is_deeper(value: JsonValue, levels: int) -> bool:
    level: list[JsonValue] = [value]
    for _ in range(levels):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
    return bool(level)
