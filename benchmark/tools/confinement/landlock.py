"""Limits the files that this process can access, with Linux's Landlock (Linux 5.13 and later).

Source: https://docs.kernel.org/userspace-api/landlock.html
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

from toolmark.benchmark.tools.confinement.linux_calls import ARCHITECTURE, NUMBERS, system_call

__all__ = ["LIMITS_TRUNCATION", "Readable", "opened", "restrict", "version"]

LIMITS_TRUNCATION = 3
"""The first version of Landlock that limits truncation."""

_VERSION_FLAG = 1
_PATH_BENEATH = 1

_WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_DIR, _REMOVE_FILE = 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 5
_MAKE_DIR, _MAKE_FILE, _MAKE_LINK, _REFER, _TRUNCATE = 1 << 7, 1 << 8, 1 << 12, 1 << 13, 1 << 14

_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}
"""The number of rights to files that exist since a version of Landlock. The key is the version."""

_READ = _READ_FILE | _READ_DIR
_SCRATCH = _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_FILE | _MAKE_LINK | _REFER | _TRUNCATE


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


@cache
def version() -> int:
    """Return the version of Landlock, or 0 if this kernel has no Landlock."""
    if ARCHITECTURE not in NUMBERS:
        return 0
    try:
        return system_call("landlock_create_ruleset", 0, 0, _VERSION_FLAG)
    except OSError:
        return 0


Readable = list[tuple[int, int]]
"""Pairs of an open file descriptor and the rights to its file or folder."""


def opened(paths: Iterable[str]) -> Readable:
    """Open the files and folders that tools are allowed to read.

    Paths that do not exist, or that this user cannot open, are left out.
    """
    found: Readable = []
    for path in paths:
        with suppress(FileNotFoundError, PermissionError):
            found.append((os.open(path, os.O_PATH | os.O_CLOEXEC), _READ if Path(path).is_dir() else _READ_FILE))
    return found


def restrict(readable: Readable, scratch: str) -> None:
    """Let this process read only `readable`, and change only the folder `scratch`.

    Newer versions of Landlock also forbid TCP connections, and signals to processes outside of this restriction. Call
    `drop_privileges` before this function. This function closes the descriptors of `readable`.

    Raises:
        OSError: The kernel refuses.
    """
    found = version()
    handled = (1 << max(rights for since, rights in _FILE_RIGHTS.items() if since <= found)) - 1
    attributes = _Ruleset(handled, 0b11 if found >= 4 else 0, 0b11 if found >= 6 else 0)
    ruleset = system_call("landlock_create_ruleset", ctypes.byref(attributes), ctypes.sizeof(attributes), 0)
    try:
        for descriptor, rights in (*readable, (os.open(scratch, os.O_PATH | os.O_CLOEXEC), _SCRATCH)):
            beneath = ctypes.byref(_Beneath(handled & rights, descriptor))
            system_call("landlock_add_rule", ruleset, _PATH_BENEATH, beneath, 0)
            os.close(descriptor)
        system_call("landlock_restrict_self", ruleset, 0)
    finally:
        os.close(ruleset)
