"""The worker process of the sandbox, which runs tool functions with untrusted arguments.

A tool's code is trusted, because the user named the tool. The arguments of a model are not trusted. The guard consists
of an audit hook and resource limits. Suppose that a model writes a path, an expression or a query into the arguments.
Then the guard blocks access to files, network and processes through the tool's code. The guard does not stop hostile
code, because hostile code could remove the guard.

A module is imported before the guard is on, and before the time of a call begins. Functions of a tool module may import
slow modules in their bodies. The tool module may list these slow modules in `WORKER_IMPORTS`. The slow modules are then
imported together with the tool module.

Parent and worker exchange only text. This module imports little, because every worker must import it.
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

from toolmark.benchmark.core.child_processes import end_group_with_parent
from toolmark.benchmark.tools.implementations import argument_adapter, implementation

if TYPE_CHECKING:
    from pydantic import TypeAdapter

try:
    import resource
except ImportError:  # Windows does not have them. `missing_limits` of the sandbox lists the missing limits.
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
    """The state of the worker process. It is global, because the audit hook cannot take arguments."""

    guarded = False
    scratch = ""
    readable: tuple[str, ...] = ()
    seconds = 0.0
    memory = 0
    output = 0
    confined = True
    adapters: ClassVar[dict[str, TypeAdapter[Any]]] = {}


def enter(scratch: str, seconds: float, memory: int, output: int, confined: bool) -> None:
    """Set up a new worker in the scratch folder, with the audit hook.

    The worker has no output and does not see the user's API keys.

    Args:
        scratch: The only folder in which files may be written.
        seconds: Limit of the processor time of one call, which is rounded up.
        memory: Bytes of memory for a call, in addition to the memory of the imports. No file may be larger than this
            number of bytes.
        output: Largest size in bytes of a result as JSON.
        confined: Whether network, processes and files outside `scratch` are refused.
    """
    end_group_with_parent()
    state = _State
    state.scratch = os.path.realpath(scratch)
    state.seconds, state.memory, state.output, state.confined = seconds, memory, output, confined
    sys.path[:] = [str(Path(entry).absolute()) for entry in sys.path]
    sys.dont_write_bytecode = True
    if confined:
        # A tool gets arguments from a model, so the tool must not see API keys.
        for name in [name for name in os.environ if any(word in name.upper() for word in _SECRET_NAMES)]:
            del os.environ[name]
    os.environ["TMPDIR"] = state.scratch
    os.chdir(state.scratch)
    # A loop in C code never calls a Python signal handler. The default action ends the process at once.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Pebble takes status 0 for a normal end. With this status, the caller would wait until the time limit.
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
    """Import the implementation that `run` names, without the guard and its limits.

    Returns:
        JSON: `{}` or `{"error": reason}`.
    """
    _limit(None)
    try:
        module, function = implementation(run)
        for heavy in getattr(module, "WORKER_IMPORTS", ()):
            importlib.import_module(heavy)
        # A tool may start a server. The server must not inherit the limits of a call, so the server is started here.
        if not _State.confined and (connect := getattr(function, "connect", None)):
            connect()
        _State.adapters[run] = argument_adapter(function)
    except BaseException as error:
        return json.dumps({"error": f"{type(error).__name__}: {error}"[:MAX_ERROR]})
    return "{}"


def call(run: str, arguments: str) -> str:
    """Call a prepared tool.

    Args:
        run: Name of the tool's implementation.
        arguments: The arguments as a JSON object.

    Returns:
        JSON: `{"kind": …, "value": …}` or `{"kind": …, "error": …}`.
    """
    if run not in _State.adapters:  # the earlier worker died after `prepare`, and this worker replaced it
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
        return _failure("memory", f"the call needs more than {_State.memory} bytes of memory")
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
    """Limit processor time and memory from now on. None removes both limits, which is necessary for an import."""
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
    """The used address space in bytes. 0 if the platform does not report it."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def _readable_roots() -> tuple[str, ...]:
    """The folders that tools may read: Python's library, installed packages (tzdata), and the system's time zones."""
    paths = [*sysconfig.get_paths().values(), "/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/etc/zoneinfo"]
    paths += [entry for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages")]
    chosen = {os.path.realpath(path) for path in paths if Path(path).is_dir()}
    # `data` and `scripts` are left out. They are prefixes such as /usr, which also contain other files.
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
        return False  # a number is an open file descriptor, possibly the pipe to the parent process
    # realpath follows links, so that a link in the scratch folder cannot lead out of this folder.
    real = os.path.realpath(os.fsdecode(path)) + os.sep
    return real.startswith(_State.scratch + os.sep) or (not writing and real.startswith(_State.readable))


def _clear_scratch() -> None:
    # The next call must not find a file of this call.
    for path in Path(_State.scratch).iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
