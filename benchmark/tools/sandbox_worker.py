"""The far side of the sandbox: one process that runs tool functions with arguments nobody trusts.

A tool's code is trusted, because the user named it; what a model passes to it is not. So the guard is an audit hook
and resource limits: they stop a path, an expression or a query from reaching files, network or processes through
honest code. They are no prison for hostile code, which could undo them.

A module is imported before the guard is up, and before the clock of a call runs. A tool module may list heavy modules
that its functions import lazily in `WORKER_IMPORTS`; they are imported here at the same time.

Only text crosses the process boundary, in both directions. This module imports little: every worker pays for it.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import shutil
import signal
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from toolmark.benchmark.tools.implementations import argument_adapter, implementation

if TYPE_CHECKING:
    from pydantic import TypeAdapter

try:
    import resource
except ImportError:  # Windows has no such limits; the sandbox names what is missing.
    resource = None  # type: ignore[assignment]

__all__ = ["call", "enter", "prepare"]

MAX_ERROR = 500

_BLOCKED_PREFIXES = ("socket.", "ctypes.", "subprocess.", "winreg.", "os.exec", "os.fork", "os.spawn", "os.posix_spawn")
_BLOCKED = frozenset(
    {
        *("os.system", "os.startfile", "os.kill", "os.killpg", "os.putenv", "os.unsetenv", "os.chroot", "pty.spawn"),
        *("signal.pthread_kill", "webbrowser.open", "resource.setrlimit", "resource.prlimit"),
        *("sqlite3.enable_load_extension", "sqlite3.load_extension"),
    }
)
_WRITING = frozenset(
    {
        *("os.chdir", "os.chflags", "os.chmod", "os.chown", "os.link", "os.mkdir", "os.mkfifo", "os.mknod"),
        *("os.remove", "os.removexattr", "os.rename", "os.rmdir", "os.setxattr", "os.symlink", "os.truncate"),
        "os.utime",
    }
)
_LISTING = frozenset({"os.listdir", "os.scandir", "os.walk", "os.fwalk"})
_WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_SECRET_NAMES = ("KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL")


class _State:
    """What the worker knows; the audit hook cannot take arguments."""

    guarded = False
    scratch = ""
    readable: tuple[str, ...] = ()
    seconds = 0.0
    memory = 0
    output = 0
    confined = True
    adapters: ClassVar[dict[str, TypeAdapter[Any]]] = {}


def enter(scratch: str, seconds: float, memory: int, output: int, confined: bool) -> None:
    """Set up a fresh worker: quiet, without the user's keys, in the scratch folder, guarded.

    Args:
        scratch: The only folder in which files may be written.
        seconds: Processor time of one call, rounded up.
        memory: Bytes that a call may take on top of what the imports took; also the largest file.
        output: Bytes of a result's JSON.
        confined: Whether network, processes and files outside `scratch` are refused.
    """
    state = _State
    state.scratch = os.path.realpath(scratch)
    state.seconds, state.memory, state.output, state.confined = seconds, memory, output, confined
    sys.path[:] = [str(Path(entry).absolute()) for entry in sys.path]
    sys.dont_write_bytecode = True
    if confined:
        # API keys have no business where arguments from a model are run.
        for name in [name for name in os.environ if any(word in name.upper() for word in _SECRET_NAMES)]:
            del os.environ[name]
    os.environ["TMPDIR"] = state.scratch
    os.chdir(state.scratch)
    # A loop inside C code never reaches a Python signal handler; the default action ends it at once.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Pebble takes status 0 for an orderly end and would let the caller wait for the time limit.
    leave = os._exit
    os._exit = lambda status: leave(status or 70)
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (memory, memory))
    state.readable = _readable_roots()
    sys.addaudithook(_audit)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)


def prepare(run: str) -> str:
    """Import what `run` names, unguarded and without limits. Returns JSON: `{}` or `{"error": reason}`."""
    _limit(None)
    try:
        module, function = implementation(run)
        for heavy in getattr(module, "WORKER_IMPORTS", ()):
            importlib.import_module(heavy)
        # A server that a tool starts must not inherit the limits of one call.
        if not _State.confined and (connect := getattr(function, "connect", None)):
            connect()
        _State.adapters[run] = argument_adapter(function)
    except BaseException as error:
        return json.dumps({"error": f"{type(error).__name__}: {error}"[:MAX_ERROR]})
    return "{}"


def call(run: str, arguments: str) -> str:
    """Run a prepared tool on a JSON object. Returns JSON: `{"kind": …, "value": …}` or `{"kind": …, "error": …}`."""
    if run not in _State.adapters:  # this worker replaces one that died after it was prepared
        prepare(run)
    adapter = _State.adapters[run]
    _limit(_State.seconds)
    try:
        _State.guarded = _State.confined
        try:
            text = json.dumps(adapter.validate_json(arguments), allow_nan=False)
        finally:
            _State.guarded = False
        if len(text) > _State.output:
            return _failure("too_large", f"the result has {len(text)} bytes; {_State.output} are allowed")
        return '{"kind": "ok", "value": ' + text + "}"
    except MemoryError:
        return _failure("memory", f"more than {_State.memory} bytes of memory were asked for")
    except TypeError as error:
        return _failure("error", f"TypeError: {error}")
    except ValueError as error:
        return _failure("error", str(error))
    except BaseException as error:
        return _failure("error", f"{type(error).__name__}: {error}")
    finally:
        _clear_scratch()


def _failure(kind: str, reason: str) -> str:
    return json.dumps({"kind": kind, "error": reason[:MAX_ERROR]})


def _limit(seconds: float | None) -> None:
    """Bound processor time and memory from here on; None lifts both for an import."""
    if resource is None:
        return
    cpu = memory = resource.RLIM_INFINITY
    if seconds is not None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        cpu = math.ceil(used.ru_utime + used.ru_stime + seconds) + 1
        size = _address_space()
        memory = size + _State.memory if size else resource.RLIM_INFINITY
    for kind, value in ((resource.RLIMIT_CPU, cpu), (resource.RLIMIT_AS, memory)):
        hard = resource.getrlimit(kind)[1]
        soft = (
            value if hard == resource.RLIM_INFINITY else hard if value == resource.RLIM_INFINITY else min(value, hard)
        )
        try:
            resource.setrlimit(kind, (soft, hard))
        except (OSError, ValueError):  # macOS accepts no RLIMIT_AS
            continue


def _address_space() -> int:
    """Bytes of address space in use, 0 where the platform does not say."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def _readable_roots() -> tuple[str, ...]:
    """Python's own library, installed packages (tzdata), and the system's time zones."""
    paths = [*sysconfig.get_paths().values(), "/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/etc/zoneinfo"]
    paths += [entry for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages")]
    chosen = {os.path.realpath(path) for path in paths if Path(path).is_dir()}
    # `data` and `scripts` are whole prefixes (/usr), which hold more than the library.
    prefixes = {os.path.realpath(sysconfig.get_path(name)) for name in ("data", "scripts")}
    return tuple(path + os.sep for path in sorted(chosen - prefixes))


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if not _State.guarded:
        return
    if event == "open":
        path, mode, flags = arguments
        writes = bool(flags & _WRITE_FLAGS) if isinstance(flags, int) else any(c in (mode or "r") for c in "wax+")
        _require(_inside(path, writing=writes), f"opening {path!r}")
    elif event in _WRITING:
        _require(
            all(_inside(path, writing=True) for path in arguments if isinstance(path, str | bytes | os.PathLike)), event
        )
    elif event in _LISTING:
        _require(_inside(arguments[0] if arguments[0] is not None else ".", writing=False), f"listing {arguments[0]!r}")
    elif event == "sqlite3.connect":
        _require(arguments[0] == ":memory:" or _inside(arguments[0], writing=True), f"the database {arguments[0]!r}")
    elif event in _BLOCKED or event.startswith(_BLOCKED_PREFIXES):
        _require(False, event)


def _require(allowed: bool, what: str) -> None:
    if not allowed:
        raise PermissionError(f"the sandbox refuses {what[:200]}")


def _inside(path: object, *, writing: bool) -> bool:
    if not isinstance(path, str | bytes | os.PathLike):
        return False  # a number is an open descriptor, perhaps the pipe to the caller
    # realpath follows links, so that a link made in the scratch folder leads nowhere else.
    real = os.path.realpath(os.fsdecode(path)) + os.sep
    return real.startswith(_State.scratch + os.sep) or (not writing and real.startswith(_State.readable))


def _clear_scratch() -> None:
    # A file left behind would let one call see another.
    for path in Path(_State.scratch).iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
