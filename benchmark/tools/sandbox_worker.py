"""Runs tool functions in the worker process of the sandbox.

The code of a tool is trusted, because the user chose the tool. The arguments are not trusted, because a model wrote
them. For example, a model may write the path of a secret file into an argument. For this reason, an audit hook and
resource limits guard each call. The guard blocks access to files, network and processes. The guard would not stop
hostile code, because hostile code could remove the guard.

The module of a tool is imported before the guard is switched on and before the time of a call begins. If a function
imports a slow module in its body, the tool module can list the slow module in `WORKER_IMPORTS`. The slow module is then
imported together with the tool module.

The main process and the worker exchange only text. This module imports only what every worker needs.
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
from toolmark.benchmark.core.secrets import redacted
from toolmark.benchmark.tools.implementations import argument_adapter, implementation

if TYPE_CHECKING:
    from pydantic import TypeAdapter

try:
    import resource
except ImportError:  # Windows has no module `resource`. `missing_limits` tells the user which limits are missing.
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
_SECRET_WORDS = ("KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL")
"""If a variable has one of these words anywhere in its name, a confined tool does not see it. This is stricter than the
rule by which secrets are hidden in text."""

_WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class _State:
    """The state of the worker process. The state is global, because Python calls the audit hook without the state."""

    guarded = False
    scratch = ""
    readable: tuple[str, ...] = ()
    seconds = 0.0
    memory = 0
    output = 0
    confined = True
    adapters: ClassVar[dict[str, TypeAdapter[Any]]] = {}


def enter(scratch: str, seconds: float, memory: int, output: int, confined: bool) -> None:
    """Set up a new worker process: the scratch folder, the audit hook, and the limits.

    The output of the worker is discarded. If `confined`, the worker does not see the user's API keys.

    Args:
        scratch: The folder in which files may be written.
        seconds: Limit of the processor time of one call, in seconds. The limit is rounded up.
        memory: Limit of the memory of one call in bytes, in addition to the memory that the imports need. This is also
            the largest size of a file.
        output: Largest size of a result as JSON, in bytes.
        confined: Whether access to the network, to processes, and to files outside `scratch` is refused.
    """
    end_group_with_parent()
    state = _State
    state.scratch = os.path.realpath(scratch)
    state.seconds, state.memory, state.output, state.confined = seconds, memory, output, confined
    sys.path[:] = [str(Path(entry).absolute()) for entry in sys.path]
    sys.dont_write_bytecode = True
    if confined:
        # The arguments of a model must not make a tool reveal API keys, so the keys are removed.
        for name in [name for name in os.environ if any(word in name.upper() for word in _SECRET_WORDS)]:
            del os.environ[name]
    os.environ["TMPDIR"] = state.scratch
    os.chdir(state.scratch)
    # While C code runs, Python does not call its signal handlers. The default action ends the process even then.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # If the worker ended with status 0, Pebble would not notice, and the caller would wait until the time limit.
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
    """Import the implementation that `run` names. The guard and the limits are off.

    Returns:
        A JSON text: `{}`, or `{"error": reason}` if the import fails.
    """
    _limit(None)
    try:
        module, function = implementation(run)
        for heavy in getattr(module, "WORKER_IMPORTS", ()):
            importlib.import_module(heavy)
        # A tool may start a server. The server is started here, because a server must not inherit the limits of a call.
        if not _State.confined and (connect := getattr(function, "connect", None)):
            connect()
        _State.adapters[run] = argument_adapter(function)
    except BaseException as error:
        return json.dumps({"error": redacted(f"{type(error).__name__}: {error}")[:MAX_ERROR]})
    return "{}"


def _without_secrets(text: str) -> str:
    """Return JSON text without secrets. If a secret is part of a number, the whole text becomes one JSON string."""
    hidden = redacted(text)
    if hidden == text:
        return text
    try:
        json.loads(hidden)
    except ValueError:
        return json.dumps(hidden)
    return hidden


def call(run: str, arguments: str) -> str:
    """Call a prepared tool.

    Args:
        run: Name of the tool's implementation.
        arguments: The arguments as a JSON object.

    Returns:
        A JSON text: `{"kind": "ok", "value": …}` or `{"kind": …, "error": …}`.
    """
    if run not in _State.adapters:  # The worker that ran `prepare` ended, and this worker replaced it.
        prepare(run)
    adapter = _State.adapters[run]
    _limit(_State.seconds)
    try:
        _State.guarded = _State.confined
        try:
            text = _without_secrets(json.dumps(adapter.validate_json(arguments), allow_nan=False))
        finally:
            _State.guarded = False
        if len(text) > _State.output:
            return _failure("too_large", f"the result has {len(text)} bytes, but at most {_State.output} are allowed")
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
    return json.dumps({"kind": kind, "error": redacted(reason)[:MAX_ERROR]})


def _limit(seconds: float | None) -> None:
    """Limit the processor time and the memory from now on. If `seconds` is None, remove both limits."""
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
        except (OSError, ValueError):  # macOS refuses RLIMIT_AS.
            continue


def _address_space() -> int:
    """Return the size of the used address space in bytes, or 0 if the platform does not report the size."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def _readable_roots() -> tuple[str, ...]:
    """Return the folders that tools may read: Python's library, installed packages, and the system's time zones."""
    paths = [*sysconfig.get_paths().values(), "/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/etc/zoneinfo"]
    paths += [entry for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages")]
    chosen = {os.path.realpath(path) for path in paths if Path(path).is_dir()}
    # `data` and `scripts` are left out, because they are folders like /usr that also contain other files.
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
        return False  # A number is an open file descriptor, which may be the pipe to the main process.
    # `realpath` follows links. Otherwise a link in the scratch folder could give access to another folder.
    real = os.path.realpath(os.fsdecode(path)) + os.sep
    return real.startswith(_State.scratch + os.sep) or (not writing and real.startswith(_State.readable))


def _clear_scratch() -> None:
    # The next call must not find files of this call.
    for path in Path(_State.scratch).iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
