"""Runs commands as forks of this process, which has the heavy packages imported.

    python forks.py SOCKET MODULE…

SOCKET is the number of an open socket. Each line on it is a request, a JSON object, and gets one line as an answer:

* `{"start": {...}}` forks a command and answers its process id. The fields are those of `enter`. With the field
  `requests` it is several commands, one after the other, and the fields are those of `become_each`.
* `{"poll": PID}` answers null while the command runs, and then `{"returncode", "peak"}`: as `subprocess` gives the
  exit code, and the most memory that the process had, in KiB.
* `{"grow": NAME, "modules": […], "environment": {…}}` forks a process like this one, which imports more modules.
* `{"of": NAME, "request": {…}}` answers as that process does.

This process computes nothing and starts no thread, so that a fork is safe.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import resource
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from functools import _lru_cache_wrapper
from importlib import import_module
from inspect import signature
from math import ceil
from pathlib import Path
from typing import Any, NoReturn, TextIO


def preload(modules: list[str]) -> None:
    """Import what takes seconds, so that a command starts at once.

    Not at the top: a worker of the sandbox imports this module again.
    """
    for module in modules:
        import_module(module)
    if "inspect_ai.model" in modules:
        from inspect_ai.model import get_model_info

        get_model_info("openai/gpt-4.1")  # reads its list of all models
    if "toolmark.benchmark.tools.catalog" in modules:
        from toolmark.benchmark.tools.catalog import catalog

        catalog()  # imports and reads all tools
    gc.collect()
    gc.freeze()  # else each collection of a child walks all of it, and copies its pages


def enter(request: dict[str, Any]) -> None:
    """Become the command, in the child.

    Args:
        request: `program` (pytest or toolmark), `arguments`, `cwd`, `environment`, `out` and `err` (files for what is
            printed), `kill_at` (null or a pattern of paths: it gets the signal `kill_by` before the first matching file
            is opened or renamed), `room` (null, or how many bytes a file may have) and `torn` (SIGKILL in the middle of
            the write that goes beyond `room`; without it the write fails, as on a full disk), `growth` (null, or the
            bytes of address space that it may add) and `cpu_seconds` (null, or its time on a processor).
    """
    lead()
    move(request)
    interrupt(request)
    limit(request)
    run(request)


def lead() -> None:
    """Be a process like one that a shell starts, in the child."""
    os.setpgid(0, 0)  # its workers end with it
    # As in a new process, whatever the shell ignores that started the tests.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def move(request: dict[str, Any]) -> None:
    """Go to the command's folder, environment, and files for what is printed."""
    streams = ((0, os.devnull, os.O_RDONLY), (1, request["out"], os.O_WRONLY), (2, request["err"], os.O_WRONLY))
    for number, file, mode in streams:
        opened = os.open(file, mode)
        os.dup2(opened, number)
        os.close(opened)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environment"])


def run(request: dict[str, Any]) -> None:
    """Run the command with its arguments."""
    path = list(filter(None, request["environment"].get("PYTHONPATH", "").split(os.pathsep)))
    sys.argv = [request["program"], *request["arguments"]]
    if request["program"] == "pytest":
        import pytest

        sys.path[:1] = [request["cwd"], *path]  # as `python -m pytest`
        sys.exit(pytest.main(request["arguments"]))
    sys.path[:1] = path
    sys.modules.pop("pytest", None)  # cyclopts warns where it finds a test framework
    from toolmark.benchmark.cli import main

    main()


def interrupt(request: dict[str, Any]) -> None:
    """Arrange for the death, or the full disk, that the request asks for."""
    pattern, room = request["kill_at"], request["room"]
    if pattern is not None:
        sent = False

        def watch(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal sent
            if event not in ("open", "os.rename") or sent:
                return
            if sent := any(fnmatch(str(one), pattern) for one in arguments[:2]):
                os.kill(os.getpid(), request["kill_by"])

        sys.addaudithook(watch)
    if room is not None:
        # Python keeps a compiled module that was cut by the full disk, and every later process fails with it.
        sys.dont_write_bytecode = True
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL if request["torn"] else signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def limit(request: dict[str, Any]) -> None:
    """Limit the memory and the time, as the request asks for."""
    growth, seconds = request["growth"], request["cpu_seconds"]
    if growth is not None and sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        size = pages * resource.getpagesize() + growth
        resource.setrlimit(resource.RLIMIT_AS, (size, resource.getrlimit(resource.RLIMIT_AS)[1]))
    if seconds is not None:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def become(request: dict[str, Any]) -> NoReturn:
    """Enter a command and end as a process does."""
    leave(code_of(enter, request))


def become_each(batch: dict[str, Any]) -> NoReturn:
    """Be several commands, one after the other, in the child.

    What a command leaves behind in this process is there for the next one: modules, open files, threads, memory. Only
    `sys.path` and what Toolmark's functions remember of their arguments are as before.

    Args:
        batch: `requests` (as of `enter`, without limits), `codes` (a file, which gets the exit code of each command as
            a line when the command has ended), `growth` (the bytes of address space that all of them together may add),
            `cpu_seconds` and `seconds` (the time of each on a processor and in total, after which the process is
            killed).
    """
    lead()
    limit({"growth": batch["growth"], "cpu_seconds": None})
    codes = os.open(batch["codes"], os.O_WRONLY)
    path = sys.path[:]
    for request in batch["requests"]:
        limit_time(batch)
        move(request)
        code = code_of(run, request)
        os.write(codes, f"{code}\n".encode())
        sys.path[:] = path
        for remembered in caches():
            remembered.cache_clear()
    limit_time(batch)
    move(batch)
    leave(0)


def limit_time(batch: dict[str, Any]) -> None:
    """Limit the time from now on."""
    limit({"growth": None, "cpu_seconds": ceil(sum(os.times()[:2])) + batch["cpu_seconds"]})
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, batch["seconds"])


def caches() -> Iterator[_lru_cache_wrapper[Any]]:
    """Toolmark's functions that remember results for arguments. A path may be the same in each command's folder."""
    for name, module in list(sys.modules.items()):
        if name.startswith("toolmark."):
            for value in list(vars(module).values()):
                if isinstance(value, _lru_cache_wrapper) and signature(value.__wrapped__).parameters:
                    yield value


def code_of(command: Callable[[dict[str, Any]], None], request: dict[str, Any]) -> int:
    """The exit code with which a command ends, after what Python prints for it."""
    code: Any = 0
    try:
        command(request)
    except SystemExit as left:
        code = left.code
        if not isinstance(code, int | None):
            sys.stderr.write(f"{code}\n")
            code = 1
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:
        traceback.print_exc()
        code = 1
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return int(code or 0)


def leave(code: int) -> NoReturn:
    """End as a process does, but for freeing all memory piece by piece, which takes a second."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def polled(pid: int) -> dict[str, Any] | None:
    """How a child ended; None while it runs."""
    found, status, usage = os.wait4(pid, os.WNOHANG)
    return {"returncode": os.waitstatus_to_exitcode(status), "peak": usage.ru_maxrss} if found else None


def serve(connection: socket.socket) -> None:
    """Answer requests until the other side closes."""
    grown: dict[str, tuple[int, socket.socket, TextIO]] = {}
    with connection.makefile("rw") as lines:
        while line := lines.readline():
            match json.loads(line):
                case {"start": request}:
                    answer: Any = os.fork()
                    if answer == 0:
                        for one in (connection, *(one for _, one, _ in grown.values())):
                            os.close(one.fileno())
                        try:
                            (become_each if "requests" in request else become)(request)
                        except BaseException:  # for example no memory between two commands
                            traceback.print_exc()
                        os._exit(1)
                case {"poll": pid}:
                    answer = polled(pid)
                case {"grow": name, "modules": modules, "environment": environment}:
                    grown[name] = grow(connection, modules, environment)
                    answer = None
                case {"of": name, "request": request}:
                    answer = asked(grown[name][2], request)
            lines.write(json.dumps(answer) + "\n")
            lines.flush()
    # All are closed before the first is waited for: a later process has inherited the connections of earlier ones.
    for _, one, stream in grown.values():
        stream.close()
        one.close()
    for pid, *_ in grown.values():
        os.waitpid(pid, 0)


def grow(
    connection: socket.socket, modules: list[str], environment: dict[str, str]
) -> tuple[int, socket.socket, TextIO]:
    """Fork a process that imports more modules and serves; its id, and the connection to it."""
    here, there = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        here.close()
        os.close(connection.fileno())
        os.environ.update(environment)
        try:
            preload(modules)
            serve(there)
        except BaseException:
            traceback.print_exc()
        os._exit(0)
    there.close()
    return pid, here, here.makefile("rw")


def asked(lines: TextIO, request: dict[str, Any]) -> Any:
    """The answer to a request."""
    lines.write(json.dumps(request) + "\n")
    lines.flush()
    return json.loads(lines.readline())


if __name__ == "__main__":
    preload(sys.argv[2:])
    serve(socket.socket(fileno=int(sys.argv[1])))
