"""Installs an audit hook of Python, which refuses access to files, network and processes with a clear error.

Ordinary code cannot switch off the hook, but hostile code can remove the hook. The hook sees calls of Python's own
modules. It does not see calls that C code makes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["install"]

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


def install(readable: tuple[str, ...], scratch: str) -> None:
    """Let this process only read the folders `readable` and use the folder `scratch`, until the process ends."""
    sys.addaudithook(_hook(tuple(path + os.sep for path in readable), scratch))


def _hook(readable: tuple[str, ...], scratch: str) -> Callable[[str, tuple[Any, ...]], None]:
    def inside(path: object, *, writing: bool) -> bool:
        if not isinstance(path, str | bytes | os.PathLike):
            return False  # A number is an open file descriptor, perhaps that of the pipe for the answer.
        # `realpath` follows links. Otherwise a link in the scratch folder could give access to another folder.
        real = os.path.realpath(os.fsdecode(path)) + os.sep
        return real.startswith(scratch + os.sep) or (not writing and real.startswith(readable))

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            writes = bool(flags & _WRITE_FLAGS) if isinstance(flags, int) else any(c in (mode or "r") for c in "wax+")
            _require(inside(path, writing=writes), f"opening {path!r}")
        elif event in _WRITING:
            paths = [path for path in arguments if isinstance(path, str | bytes | os.PathLike)]
            _require(all(inside(path, writing=True) for path in paths), event)
        elif event in _LISTING:
            _require(inside(arguments[0] if arguments[0] is not None else ".", writing=False), f"{arguments[0]!r}")
        elif event == "sqlite3.connect":
            allowed = arguments[0] == ":memory:" or inside(arguments[0], writing=True)
            _require(allowed, f"the database {arguments[0]!r}")
        elif event in _BLOCKED or event.startswith(_BLOCKED_PREFIXES):
            _require(False, event)

    return audit


def _require(allowed: bool, what: str) -> None:
    if not allowed:
        raise PermissionError(f"the sandbox refuses {what[:200]}")
