"""Makes one call in a process of its own, which is forked for the call and killed after it.

So a call changes nothing that a later call can see: no object, folder, file, thread or environment variable. The answer
comes through a pipe that only this call has, so a call cannot answer for another one.
"""

from __future__ import annotations

import os
import select
import signal
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import Literal, NoReturn

__all__ = ["CallerEnded", "Ended", "forked_call", "open_descriptors"]

_DESCRIPTORS = "/dev/fd"
_FAILED = 70
_PART = 2**16


class CallerEnded(Exception):
    """The process that waits for the answer has ended."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a call ended.

    Attributes:
        answer: What the process of the call wrote. It may be incomplete, and it may be anything.
        reason: `closed`: the process closed its pipe. `timeout`: it did not close the pipe in time. `too_large`: it
            wrote more than it may.
        status: The exit code of the process, or minus the number of the signal that ended it.
    """

    answer: bytes
    reason: Literal["closed", "timeout", "too_large"]
    status: int


def open_descriptors() -> frozenset[int]:
    """Return the file descriptors that are open in this process."""
    return frozenset(number for number in _listed() if _is_open(number))


def _listed() -> list[int]:
    return [int(entry.name) for entry in Path(_DESCRIPTORS).iterdir()]


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:  # The folder of the list had a descriptor, too.
        return False
    return True


def forked_call(work: Callable[[], bytes], seconds: float, most: int, caller: int, inherited: frozenset[int]) -> Ended:
    """Make a call in a forked process, and kill the process when it has answered.

    Args:
        work: Makes the call and returns the answer. It is called in the forked process.
        seconds: Limit of the time, in seconds.
        most: The largest size of the answer, in bytes.
        caller: A pipe that is closed when the caller ends.
        inherited: Descriptors that the forked process closes before the call. It also closes others, except standard
            streams and files that are open only for reading.

    Raises:
        CallerEnded: The caller ended.
        OSError: No process can be forked.
    """
    end = time.monotonic() + seconds
    read_end, write_end = os.pipe()
    try:
        process = _fork()
        if process == 0:
            _answer(work, write_end, inherited)
        os.close(write_end)
        write_end = -1
        try:
            answer, reason = _read(read_end, most, end, caller)
        finally:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
            status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    finally:
        os.close(read_end)
        if write_end >= 0:
            os.close(write_end)
    return Ended(answer, reason, status)


def _fork() -> int:
    # Python 3.12 warns if a library has started threads. They do not run in the forked process, and are not needed.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return os.fork()


def _read(pipe: int, most: int, end: float, caller: int) -> tuple[bytes, Literal["closed", "timeout", "too_large"]]:
    parts: list[bytes] = []
    size = 0
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    poll.register(caller, 0)  # The end of the other side is reported in any case.
    while size <= most:
        left = end - time.monotonic()
        if left <= 0:
            return b"".join(parts), "timeout"
        ready = {descriptor for descriptor, _ in poll.poll(left * 1000)}
        if caller in ready:
            raise CallerEnded
        if pipe in ready:
            part = os.read(pipe, _PART)
            if not part:
                return b"".join(parts), "closed"
            parts.append(part)
            size += len(part)
    return b"", "too_large"


def _answer(work: Callable[[], bytes], pipe: int, inherited: frozenset[int]) -> NoReturn:
    """Make the call in the forked process, and end the process."""
    try:
        _close(inherited, pipe)
        rest = memoryview(work())
        while rest:
            rest = rest[os.write(pipe, rest) :]
        os._exit(0)
    finally:
        os._exit(_FAILED)


def _close(inherited: frozenset[int], pipe: int) -> None:
    for descriptor in open_descriptors():
        if descriptor <= 2 or descriptor == pipe:
            continue
        if descriptor in inherited or not _reopened(descriptor):
            os.close(descriptor)


def _reopened(descriptor: int) -> bool:
    """Open a file again if it is open only for reading, and return whether this was done.

    A module may open a file when it is imported, for example a database that its tools read. Without a file of its own,
    the call would move the position in the file for later calls.
    """
    import fcntl

    with suppress(OSError):
        read_only = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
        if read_only and S_ISREG(os.fstat(descriptor).st_mode):
            own = os.open(f"{_DESCRIPTORS}/{descriptor}", os.O_RDONLY | os.O_CLOEXEC)
            os.lseek(own, os.lseek(descriptor, 0, os.SEEK_CUR), os.SEEK_SET)
            os.dup2(own, descriptor, inheritable=False)
            os.close(own)
            return True
    return False
