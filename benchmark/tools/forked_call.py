"""A process for one call, which is forked before the call and killed after it.

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
from stat import S_ISREG
from typing import Literal, NoReturn

__all__ = ["CallerEnded", "Ended", "ForkedCall", "open_descriptors"]

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
    """

    answer: bytes
    reason: Literal["closed", "timeout", "too_large"]


class ForkedCall:
    """A process that waits for the request of one call.

    Args:
        prepare: Prepares the process for the call, before the request is there.
        call: Makes the call with the request and returns the answer.
        inherited: Descriptors that the process closes at once. It also closes others, except standard streams and files
            that are open only for reading.
        needed: Descriptors that `prepare` needs, and closes.

    Raises:
        OSError: No process can be forked.
    """

    def __init__(
        self,
        prepare: Callable[[], None],
        call: Callable[[bytes], bytes],
        inherited: frozenset[int],
        needed: frozenset[int],
    ) -> None:
        request, self._request = os.pipe()
        self._answer, answer = os.pipe()
        try:
            self._process = _fork()
            if self._process == 0:
                _be_the_call(prepare, call, request, answer, inherited, needed)
        except BaseException:
            os.close(self._request)
            os.close(self._answer)
            raise
        finally:
            os.close(request)
            os.close(answer)

    def answer(self, request: bytes, seconds: float, most: int, caller: int) -> Ended:
        """Let the process make its call, and kill it when it has answered.

        Args:
            request: What the call gets.
            seconds: Limit of the time, in seconds.
            most: The largest size of the answer, in bytes.
            caller: A pipe that is closed when the caller ends.

        Raises:
            CallerEnded: The caller ended.
        """
        end = time.monotonic() + seconds
        rest = memoryview(request)
        with suppress(BrokenPipeError):  # The process could not be prepared. It says so in its answer.
            while rest:
                rest = rest[os.write(self._request, rest) :]
        os.close(self._request)
        self._request = -1
        try:
            return _read(self._answer, most, end, caller)
        finally:
            os.kill(self._process, signal.SIGKILL)

    def end(self) -> int:
        """End the process, and wait until it has ended.

        Returns:
            The exit code of the process, or minus the number of the signal that ended it.
        """
        os.kill(self._process, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(self._process, 0)[1])
        for pipe in (self._request, self._answer):
            if pipe >= 0:
                os.close(pipe)
        return status


def open_descriptors() -> frozenset[int]:
    """Return the file descriptors that are open in this process."""
    return frozenset(number for number in _listed() if _is_open(number))


def _listed() -> list[int]:
    return [int(name) for name in os.listdir(_DESCRIPTORS)]  # noqa: PTH208 - this is fast in a process just forked


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:  # The folder of the list had a descriptor, too.
        return False
    return True


def _fork() -> int:
    # Python 3.12 warns if a library has started threads. They do not run in the forked process, and are not needed.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return os.fork()


def _read(pipe: int, most: int, end: float, caller: int) -> Ended:
    parts: list[bytes] = []
    size = 0
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    poll.register(caller, 0)  # The end of the other side is reported in any case.
    while size <= most:
        left = end - time.monotonic()
        if left <= 0:
            return Ended(b"".join(parts), "timeout")
        ready = {descriptor for descriptor, _ in poll.poll(left * 1000)}
        if caller in ready:
            raise CallerEnded
        if pipe in ready:
            part = os.read(pipe, _PART)
            if not part:
                return Ended(b"".join(parts), "closed")
            parts.append(part)
            size += len(part)
    return Ended(b"", "too_large")


def _be_the_call(
    prepare: Callable[[], None],
    call: Callable[[bytes], bytes],
    request: int,
    answer: int,
    inherited: frozenset[int],
    needed: frozenset[int],
) -> NoReturn:
    """Make the call in the forked process, and end the process."""
    try:
        _close_others(inherited, {request, answer, *needed})
        try:
            prepare()
        except OSError as error:
            os.write(answer, str(error).encode())
            os._exit(_FAILED)
        parts = []
        while part := os.read(request, _PART):
            parts.append(part)
        os.close(request)
        if parts:  # Otherwise the worker has ended.
            rest = memoryview(call(b"".join(parts)))
            while rest:
                rest = rest[os.write(answer, rest) :]
        os._exit(0)
    finally:
        os._exit(_FAILED)


def _close_others(inherited: frozenset[int], needed: set[int]) -> None:
    for descriptor in open_descriptors():
        if descriptor <= 2 or descriptor in needed:
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
