"""Makes calls in a process that is forked before the calls and killed after them.

Usually such a process makes only one call. So a later call sees no change of an object, folder, file, thread or
environment variable. Each process writes its answers to its own pipe, so a call cannot answer in place of a call in
another process.
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
from itertools import islice
from stat import S_ISREG
from typing import Literal, NoReturn

__all__ = ["CallerEnded", "Ended", "ForkedCaller", "open_descriptors"]

_DESCRIPTORS = "/dev/fd"
_FAILED = 70
_PART = 2**16


class CallerEnded(Exception):
    """The program that wants the answer has ended."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a call ended.

    Attributes:
        answer: The bytes that the process of the call wrote. They are possibly incomplete, and can contain anything.
        reason: How the call ended:

            - `answered`: The process wrote exactly one line.
            - `closed`: The process closed its pipe before the end of a line, or wrote more than a line.
            - `timeout`: The process did not end its line in time.
            - `too_large`: The process wrote more bytes than allowed.
    """

    answer: bytes
    reason: Literal["answered", "closed", "timeout", "too_large"]


class ForkedCaller:
    """A process that waits for requests to make calls.

    Args:
        prepare: Prepares the process for the calls, before the first request is there.
        call: Makes a call with the request and returns the answer. The request and the answer contain no line breaks.
        calls: How many calls the process makes.
        inherited: Descriptors that the process closes at once. Later, the process also closes all descriptors that can
            write, except `needed` and the standard streams.
        needed: Descriptors that `prepare` uses. `prepare` closes them.

    Raises:
        OSError: No process can be forked.
    """

    def __init__(
        self,
        prepare: Callable[[], None],
        call: Callable[[bytes], bytes],
        calls: int,
        inherited: frozenset[int],
        needed: frozenset[int],
    ) -> None:
        self._left = calls
        request, self._request = os.pipe()
        self._answer, answer = os.pipe()
        try:
            self._process = _fork()
            if self._process == 0:
                _make_calls(prepare, call, calls, request, answer, inherited, needed)
        except BaseException:
            os.close(self._request)
            os.close(self._answer)
            raise
        finally:
            os.close(request)
            os.close(answer)

    def answer(self, request: bytes, seconds: float, most: int, caller: int) -> Ended:
        """Let the process make a call. The process is killed after its last call, and after a call that did not answer.

        Args:
            request: The input of the call.
            seconds: Limit of the time, in seconds.
            most: The largest size of the answer, in bytes.
            caller: A pipe to the program that wants the answer. The pipe is closed when this program ends.

        Raises:
            CallerEnded: The program that wants the answer has ended.
        """
        end = time.monotonic() + seconds
        self._left -= 1
        answered = False
        try:
            with suppress(BrokenPipeError):  # The process could not be prepared. Its answer contains the reason.
                _write(self._request, request + b"\n")
            ended = _read(self._answer, most, end, caller)
            answered = ended.reason == "answered"
            return ended
        finally:
            if not (answered and self._left):
                self._left = 0
                os.kill(self._process, signal.SIGKILL)

    @property
    def is_usable(self) -> bool:
        """Whether the process can make another call."""
        return self._left > 0

    def end(self) -> int:
        """End the process, and wait until it has ended.

        Returns:
            The exit code of the process, or minus the number of the signal that ended it.
        """
        os.kill(self._process, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(self._process, 0)[1])
        os.close(self._request)
        os.close(self._answer)
        return status


def open_descriptors() -> frozenset[int]:
    """Return the file descriptors that are open in this process."""
    return frozenset(number for number in _listed() if _is_open(number))


def _listed() -> list[int]:
    return [int(name) for name in os.listdir(_DESCRIPTORS)]  # noqa: PTH208 - this is fast in a process just forked


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:  # It was the descriptor of the folder that `_listed` read. It is closed now.
        return False
    return True


def _fork() -> int:
    # If a library has started threads, Python 3.12 warns about the fork, because the threads do not run in the forked
    # process. The forked process does not need these threads.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return os.fork()


def _read(pipe: int, most: int, end: float, caller: int) -> Ended:
    parts: list[bytes] = []
    size = 0
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    poll.register(caller, 0)  # With 0, poll reports only that the other side of the pipe was closed.
    while size <= most:
        left = end - time.monotonic()
        if left <= 0:
            return Ended(b"".join(parts), "timeout")
        ready = {descriptor for descriptor, _ in poll.poll(left * 1000)}
        if caller in ready:
            raise CallerEnded
        if pipe in ready:
            part = os.read(pipe, _PART)
            line, end_of_line, rest = part.partition(b"\n")
            parts.append(line)
            if end_of_line:
                # `_make_calls` writes exactly one line. If there is more, the code of the tool wrote it, so this
                # process must not make another call.
                return Ended(b"".join(parts), "closed" if rest else "answered")
            if not part:
                return Ended(b"".join(parts), "closed")
            size += len(part)
    return Ended(b"", "too_large")


def _write(pipe: int, text: bytes) -> None:
    rest = memoryview(text)
    while rest:
        rest = rest[os.write(pipe, rest) :]


def _make_calls(
    prepare: Callable[[], None],
    call: Callable[[bytes], bytes],
    calls: int,
    request: int,
    answer: int,
    inherited: frozenset[int],
    needed: frozenset[int],
) -> NoReturn:
    """Make the calls in the forked process, and end the process."""
    try:
        _close_others(inherited, {request, answer, *needed})
        lines = os.fdopen(request, "rb")
        try:
            prepare()
        except OSError as error:
            _write(answer, str(error).encode())
            os._exit(_FAILED)
        for line in islice(lines, calls):
            _write(answer, call(line) + b"\n")
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
    """If a file is open only for reading, open it again under the same descriptor. Return whether this was done.

    Some modules open a file when they are imported, for example a database that their tools read. Forked processes
    share the position in this file. If the file is opened again, a call cannot move the position for later calls.
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
