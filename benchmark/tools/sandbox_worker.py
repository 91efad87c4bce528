"""The worker process of the sandbox: imports tools, and starts a process for each call of a confined tool.

The main process writes a request as a line of JSON, and the worker answers with a line of JSON.

A call of a confined tool runs in a process that is forked for this call, confined by the system (see `confinement`),
and killed afterwards. A model wrote the arguments of the call, so the arguments and every answer of the forked process
can be hostile. Calls of shipped tools are an exception: several of them share a confined process. In the worker itself,
the code of a confined tool runs only once: when the worker imports the module of the tool. The user named this module.

A tool that is not confined runs in the worker itself. The user allowed the effects of such a tool. The tool can have
connections and threads, which do not work after a fork. On Windows there is no fork, so the worker ends after each call
of a confined tool.

The module of a tool is imported before the limits of a call are set and before its time begins. If a function imports a
slow module in its body, the tool module can list the slow module in `WORKER_IMPORTS`. The slow module is then imported
together with the tool module.

This module imports only what every worker needs.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import sys
import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import TypeAdapter, ValidationError

from toolmark.benchmark.tools.confinement.confine import Confinement
from toolmark.benchmark.tools.confinement.resource_limits import address_space, memory_limited
from toolmark.benchmark.tools.forked_call import CallerEnded, ForkedCaller, open_descriptors
from toolmark.benchmark.tools.implementations import argument_adapter, implementation, is_world_method
from toolmark.benchmark.tools.json_results import json_text
from toolmark.benchmark.tools.scratch_folders import remove_tree

__all__ = ["serve"]

Answer = dict[str, Any]

_LARGEST_ERROR = 2000
_CAN_FORK = hasattr(os, "fork")
_TRIAL = "trial"

_SHIPPED = ("toolmark.benchmark.tools.catalog.", "toolmark.benchmark.tools.worlds.")
_CALLS_OF_SHIPPED = 200
"""The number of calls of shipped tools that one process makes. The calls can share a process, because these tools are
part of Toolmark and keep nothing between two calls. The state of a world comes with each call. A new process for each
call would cost several milliseconds, and a lint of the shipped cases makes a thousand calls."""


def serve(scratch: str, seconds: float, memory: int, output: int, confined: bool) -> None:
    """Answer requests from standard input on standard output, until standard input is closed.

    Requests and answers are pairs of a token and an object. The answer has the token of its request.

    | request | what the worker does |
    |---|---|
    | `{}` | tests whether a call can be confined |
    | `{"prepare": RUN}` | imports the implementation RUN |
    | `{"call": RUN, "arguments": TEXT}` | calls the implementation RUN with the arguments TEXT (JSON) |

    | answer | meaning |
    |---|---|
    | `{}` | the test or the import succeeded |
    | `{"error": REASON}` | the test or the import failed |
    | `{"ended": TEXT}` | the process of the call wrote TEXT, which is usually the result |
    | `{"kind": KIND, "error": REASON}` | the call exceeded a limit, or its process crashed |

    Args:
        scratch: The folder in which each call gets its own folder. At the end, the folder `scratch` is removed.
        seconds: Limit of the time of a call, in seconds.
        memory: Limit of the memory of a call in bytes, in addition to the memory that the imports need.
        output: Largest size of a result as JSON, in bytes.
        confined: Whether a call is refused access to the network, to processes, and to files outside its folder.
    """
    # Standard input and standard output are for requests and answers. Tools must not use them, so they become
    # /dev/null.
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    sys.dont_write_bytecode = True
    # SIGTERM comes when the caller has ended. The worker then sees the closed pipe, and must not end before it has
    # removed its files.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    worker = _Worker(scratch, seconds, memory, output, confined, requests)
    with suppress(CallerEnded, BrokenPipeError):
        for line in requests:
            token, request = json.loads(line)
            answers.write(json.dumps([token, worker.answer(request)]).encode() + b"\n")
            answers.flush()
            if worker.used_up:
                break
            worker.make_ready()
    worker.close()
    remove_tree(Path(scratch))
    os._exit(0)  # This does not wait for threads that a tool has started.


class _Worker:
    """Imports tools and calls them. The arguments are those of `serve`.

    Attributes:
        used_up: Whether the worker process must end, because it cannot make another call.
    """

    def __init__(
        self, scratch: str, seconds: float, memory: int, output: int, confined: bool, requests: BinaryIO
    ) -> None:
        self._scratch, self._seconds, self._memory, self._output = Path(scratch), seconds, memory, output
        self._confined = confined
        self._caller = requests.fileno()
        self._home = Path.cwd()
        self._adapters: dict[str, TypeAdapter[Any]] = {}
        self._calls = 0
        self._before: tuple[ForkedCaller, Path] | None = None
        self._next: tuple[ForkedCaller, Path] | None = None
        self._shared: tuple[ForkedCaller, Path] | None = None
        self.used_up = False
        self._inherited = open_descriptors() if _CAN_FORK else frozenset[int]()
        self._confinement = Confinement()

    def answer(self, request: Answer) -> Answer:
        """Return the answer to a request."""
        if "prepare" in request:
            return self._prepare(request["prepare"])
        if "call" in request:
            return self._call(request["call"], request["arguments"])
        return self._try()

    def make_ready(self) -> None:
        """End the process of the last call, and fork the process of the next call.

        The worker does this after it has answered, so that the main process does not wait for it.
        """
        self._end(self._before)
        if self._before is not None and self._next is None:
            self._next = self._forked(1)
        self._before = None

    def close(self) -> None:
        """End all processes of calls."""
        for process in (self._before, self._next, self._shared):
            self._end(process)

    def _end(self, call: tuple[ForkedCaller, Path] | None) -> int:
        if call is None:
            return 0
        forked, folder = call
        status = forked.end()
        remove_tree(folder)
        return status

    def _try(self) -> Answer:
        """Test whether a call can be confined on this machine. The answer is `{}` if it can."""
        if not self._confined or not _CAN_FORK:
            return {}
        self._adapters[_TRIAL] = TypeAdapter(Any)
        answer = self._call(_TRIAL, "null")
        works = answer == {"ended": '{"kind": "ok", "value": null}'}
        return {} if works else {"error": answer.get("error") or answer.get("ended")}

    def _prepare(self, run: str) -> Answer:
        """Import the implementation that `run` names. The main process imports it in the same way."""
        os.chdir(self._home)
        try:
            module, function = implementation(run)
            for heavy in getattr(module, "WORKER_IMPORTS", ()):
                importlib.import_module(heavy)
            # If the tool needs a server, the server is started here, because the limits of a call must not hold for it.
            if not self._confined and (connect := getattr(function, "connect", None)):
                connect()
            self._adapters[run] = argument_adapter(function)
        except BaseException as error:
            return {"error": _named(error)}
        # Otherwise the garbage collection of each forked process would visit all objects and so copy their memory.
        gc.freeze()
        for process in (self._next, self._shared):
            self._end(process)  # It was forked before this import, so it does not have the implementation.
        self._next = self._shared = None
        return {}

    def _call(self, run: str, arguments: str) -> Answer:
        if not self._confined:
            return {"ended": self._released(run, arguments)}
        if not _CAN_FORK:
            self.used_up = True
            self._confine(self._new_folder(), 0, 1)
            return {"ended": self._result(run, arguments)}
        if run.startswith(_SHIPPED):
            process, self._shared = self._shared or self._forked(_CALLS_OF_SHIPPED), None
        else:
            process, self._next = self._next or self._forked(1), None
        request = json.dumps([run, arguments]).encode()
        ended = process[0].answer(request, self._seconds, self._output + 4 * _LARGEST_ERROR, self._caller)
        if process[0].is_usable:
            self._shared = process
        else:
            self._before = process
        if ended.reason == "timeout":
            return {"kind": "timeout", "error": f"took longer than {self._seconds:g} s"}
        if ended.reason == "too_large":
            return {"kind": "too_large", "error": f"the result has more than {self._output} bytes"}
        if ended.answer:
            return {"ended": ended.answer.decode(errors="replace")}
        status = self._end(self._before)
        self._before = None
        if status == -signal.SIGXCPU:
            return {"kind": "timeout", "error": f"took more than {self._seconds:g} s of processor time"}
        return {"kind": "crash", "error": f"the process of the call ended with status {status}"}

    def _released(self, run: str, arguments: str) -> str:
        """Call a tool in this process, because the tool is not confined. Return what `_result` returns."""
        folder = self._new_folder()
        os.chdir(folder)
        # While C code runs, Python does not call its signal handlers. The system's default action ends the process even
        # then.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        try:
            with memory_limited(self._memory):
                return self._result(run, arguments)
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.chdir(self._home)
            remove_tree(folder)

    def _forked(self, calls: int) -> tuple[ForkedCaller, Path]:
        folder = self._new_folder()
        # The used memory is measured before the fork, because this would be slow in a process that was just forked.
        prepare = partial(self._confine, folder, address_space(), calls)
        return ForkedCaller(prepare, self._called, calls, self._inherited, self._confinement.descriptors), folder

    def _confine(self, folder: Path, used: int, calls: int) -> None:
        os.chdir(folder)
        os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
        self._confinement.confine(str(folder), calls * self._seconds, used and used + self._memory, self._memory)

    def _called(self, request: bytes) -> bytes:
        run, arguments = json.loads(request)
        return self._result(run, arguments).encode()

    def _result(self, run: str, arguments: str) -> str:
        """Call a tool. Return JSON text with the value that the tool returned, or with the reason of the failure."""
        try:
            text = json_text(self._adapters[run].validate_json(arguments))
            if len(text) > self._output:
                reason = f"the result has {len(text)} bytes, but at most {self._output} are allowed"
                return _failure("too_large", reason)
            return '{"kind": "ok", "value": ' + text + "}"
        except MemoryError:
            return _failure("memory", f"the call needs more than {self._memory} bytes of memory")
        except ValidationError as error:
            return _failure("error", _told(error))
        except BaseException as error:
            # `stateful` reports what a method of a world raises. So a validator of the world raised this error.
            return _failure("crash" if is_world_method(run) else "error", _told(error))

    def _new_folder(self) -> Path:
        self._calls += 1
        folder = self._scratch / str(self._calls)
        folder.mkdir(mode=0o700)
        return folder


def _told(error: BaseException) -> str:
    """Return the message of an error for the model."""
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:3])
    # The message of a ValueError is written for the model, so the name of the class is left out.
    return str(error) if isinstance(error, ValueError) else _named(error)


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:_LARGEST_ERROR]


def _failure(kind: str, reason: str) -> str:
    return json.dumps({"kind": kind, "error": reason[:_LARGEST_ERROR]})
