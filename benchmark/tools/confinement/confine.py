"""Applies all limits that the platform has, and names the limits that it lacks."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

from toolmark.benchmark.tools.confinement import audit_hook, landlock, resource_limits, seccomp
from toolmark.benchmark.tools.confinement.linux_calls import drop_privileges

__all__ = ["Confinement", "missing_limits"]

_FILES = "files outside the scratch folder"
_CALLS = "network, processes and signals"

_SYSTEM_FILES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/etc/localtime", "/dev/urandom")
"""Files and folders that C libraries read when the libraries are loaded or used."""


def missing_limits() -> tuple[str, ...]:
    """Return the limits of pure tools that this platform does not enforce. Each limit is a line for the user.

    The result is empty on Linux with Landlock and seccomp.
    """
    if sys.platform == "linux":
        lacking = [] if landlock.version() else [f"Linux without Landlock: {_FILES}"]
        lacking += [] if seccomp.available() else [f"Linux without seccomp: {_CALLS}"]
    elif sys.platform == "darwin":
        return (*_only_by_python([f"macOS: {_FILES}, {_CALLS}"]), "macOS: the memory of a tool call is not limited")
    else:
        name = sys.platform
        lacking = [f"{name}: {_FILES}, {_CALLS}"]
        limits = f"{name}: memory, processor time and file size of a tool call are not limited"
        return (*_only_by_python(lacking), limits)
    return tuple(_only_by_python(lacking))


def _only_by_python(lacking: list[str]) -> list[str]:
    return [f"{one} are refused only by Python and not by the system" for one in lacking]


class Confinement:
    """Confines a process that was forked from this process.

    The constructor does the slow work before the fork. So `confine` needs only a millisecond in the forked process.

    Attributes:
        descriptors: The open file descriptors that `confine` uses. `confine` closes them.

    Raises:
        OSError: A folder that tools are allowed to read cannot be opened.
    """

    def __init__(self) -> None:
        self._readable = _readable()
        self._opened: landlock.Readable = []
        if sys.platform == "linux":
            if landlock.version():
                self._opened = landlock.opened((*self._readable, *_SYSTEM_FILES, str(Path(sys.base_prefix, "lib"))))
            if seccomp.available():
                seccomp.prepare()
        self.descriptors = frozenset(descriptor for descriptor, _ in self._opened)

    def confine(self, scratch: str, seconds: float, memory: int, file_size: int) -> None:
        """Limit this process until it ends. Call this only in a process that was forked for tool calls.

        Args:
            scratch: The only folder in which the process is allowed to write files. The path contains no links.
            seconds: Limit of the processor time, in seconds.
            memory: Limit of the memory in bytes, including the memory that is used now. 0 means no limit.
            file_size: The largest size of a file, in bytes.

        Raises:
            OSError: The system refuses to set a limit.
        """
        resource_limits.limit_for_ever(seconds, memory, file_size)
        if sys.platform == "linux":
            if landlock.version() or seccomp.available():
                drop_privileges()
            if landlock.version():
                landlock.restrict(self._opened, scratch)
            if seccomp.available():
                seccomp.restrict()
        audit_hook.install(self._readable, scratch)


def _readable() -> tuple[str, ...]:
    """Return the folders that tools are allowed to read.

    These are the folders of Python's library, of the installed packages, and of the system's time zones.
    """
    paths = [*sysconfig.get_paths().values(), "/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/etc/zoneinfo"]
    paths += [entry for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages")]
    chosen = {os.path.realpath(path) for path in paths if Path(path).is_dir()}
    # `data` and `scripts` are left out, because they are folders like /usr that also contain other files.
    prefixes = {os.path.realpath(sysconfig.get_path(name)) for name in ("data", "scripts")}
    return tuple(sorted(chosen - prefixes))
