"""Interrupts a command. Ctrl-C, SIGTERM and SIGHUP have the same effect: the command ends within five seconds.

To interrupt a command, Python raises `KeyboardInterrupt` in the main thread when the current call returns. A long call,
for example a computation in a library, delays `KeyboardInterrupt`. For this reason, the process is ended after
`SECONDS_TO_END` even if the call has not returned. Answers and checkpoints are not lost, because each of them is
written to the disk when it is made.
"""

from __future__ import annotations

import atexit
import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from toolmark.benchmark.core.launched_process import launched_process
from toolmark.benchmark.core.secrets import command_without_secrets

__all__ = ["EXIT_CODE", "how_to_continue", "interruptible", "note_interruption", "uninterrupted"]

EXIT_CODE = 2
"""The exit code of an interrupted command. It is the code that pytest uses."""

SECONDS_TO_END = 3.5
"""Time in seconds that an interrupted command has to end."""

_SECONDS_BETWEEN = 1.0
"""Time in seconds between two attempts to interrupt the main thread."""

_LIKE_CTRL_C = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""The signals that interrupt a command like Ctrl-C. Windows has no SIGHUP."""

_interrupted = threading.Event()


def how_to_continue() -> str:
    """Return a sentence with the command that continues the work of this process.

    This command is the command line of this process with hidden secrets and without `--fresh`. The flag `--fresh` would
    generate all answers again. A process cannot know the command line of its launcher.
    """
    if launched_process().count > 1:
        return "To continue, run the same command again."
    program, *words = sys.argv
    path = Path(program)
    # With `python -m pytest`, the program is `__main__.py`. With `python -m toolmark.benchmark.cli`, it is `cli.py`.
    name = {"__main__.py": path.parent.name, "cli.py": "toolmark"}.get(path.name, path.name)
    command = shlex.join([name, *(word for word in words if word != "--fresh")])
    return f"To continue, run: {command_without_secrets(command)}"


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM and SIGHUP interrupt the command like Ctrl-C inside the `with` block.

    After an interruption, the command ends within `SECONDS_TO_END`, plus the time to print a line. A signal that was
    ignored when the command was started stays ignored. For example, `nohup` makes a command ignore SIGHUP.
    `interruptible` has no effect inside another `with interruptible()`, outside the main thread, and on Windows. On
    Windows, only Ctrl-C interrupts a command.
    """
    inside = signal.getsignal(signal.SIGTERM) in (_interrupt, _ignore)
    if inside or not _in_main_thread() or os.name != "posix":
        yield
        return
    handlers = {number: signal.getsignal(number) for number in _LIKE_CTRL_C}
    done = threading.Event()
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    # Python writes the number of a signal to this pipe at once, even if the main thread is inside a long computation.
    before = signal.set_wakeup_fd(write_end)
    # Python calls exit functions in reverse order. So `_leave_at_once` is called after the exit functions of
    # libraries that are imported later.
    atexit.register(_leave_at_once)
    threading.Thread(target=_end_in_time, args=(read_end, done, threading.get_ident()), daemon=True).start()
    for number, handler in handlers.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    try:
        yield
    except KeyboardInterrupt:
        note_interruption()
        raise
    finally:
        if not _interrupted.is_set():
            done.set()
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(before)
        os.close(write_end)


def _in_main_thread() -> bool:
    """Return whether this is the main thread. Only the main thread is allowed to change handlers of signals."""
    return threading.current_thread() is threading.main_thread()


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a signal handler
    """Call the current handler of Ctrl-C. Libraries can set this handler, and asyncio does."""
    # When a terminal is closed, SIGHUP comes twice. The second signal must not interrupt the handling of the first.
    for one in _LIKE_CTRL_C:
        if signal.getsignal(one) is _interrupt:
            signal.signal(one, _ignore)
    handler = signal.getsignal(signal.SIGINT)
    if callable(handler):
        handler(signal.SIGINT, frame)
    else:  # SIGINT is ignored, as in a command that a shell started in the background.
        raise KeyboardInterrupt


def _ignore(number: int, frame: FrameType | None) -> None:
    """Do nothing. SIG_IGN is not used, because child processes would inherit SIG_IGN."""


def note_interruption() -> None:
    """Remember that this command is ending after an interruption. From now on, the command is not interrupted again.

    Code that catches `KeyboardInterrupt` calls this function. Code that needs a second to end something calls it, too.
    """
    _interrupted.set()


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Delay interruptions until the end of the `with` block. The block must take less than a second."""
    if not _in_main_thread():
        yield
        return
    numbers = (signal.SIGINT, *_LIKE_CTRL_C)
    handlers = {number: handler for number in numbers if callable(handler := signal.getsignal(number))}
    came: list[int] = []
    for number in handlers:
        signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    for number in came[:1]:
        signal.raise_signal(number)


def _leave_at_once() -> None:
    """End the process at once if it was interrupted. Otherwise Python would take seconds to free the memory."""
    if _interrupted.is_set():
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):  # The terminal or the stream is perhaps closed.
                stream.flush()
        os._exit(EXIT_CODE)


def _end_in_time(signals: int, done: threading.Event, main: int) -> None:
    """Wait for the first interruption. If the process has not ended `SECONDS_TO_END` later, end the process.

    A library can catch `KeyboardInterrupt` and go on. For this reason, the main thread is interrupted once per second.

    Args:
        signals: The pipe from which the numbers of signals are read.
        done: Set when the command has completed its work.
        main: The main thread.
    """
    while (number := os.read(signals, 1)) and number[0] not in (signal.SIGINT, *_LIKE_CTRL_C):
        pass
    if not number:  # The block of `interruptible` has ended.
        os.close(signals)
        return
    end = time.monotonic() + SECONDS_TO_END
    while (left := end - time.monotonic()) > 0:
        if done.wait(min(left, _SECONDS_BETWEEN)):
            return
        if not _interrupted.is_set() and callable(signal.getsignal(signal.SIGINT)):
            signal.pthread_kill(main, signal.SIGINT)
    try:
        show_cursor = "\x1b[?25h" if sys.stderr.isatty() else ""  # The progress line hides the cursor.
        if launched_process().first:
            print(f"{show_cursor}Interrupted. {how_to_continue()}", file=sys.stderr, flush=True)  # noqa: T201
    finally:  # The process must end even if the terminal is closed.
        os._exit(EXIT_CODE)
