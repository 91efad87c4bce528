"""Interrupts a command. Ctrl-C, SIGTERM and SIGHUP do the same, and the command ends within five seconds.

To interrupt a command, Python raises `KeyboardInterrupt` in the main thread when the current call returns. A long call,
for example a computation in a library, delays this. For this reason, the process ends after `SECONDS_TO_END` in any
case. Answers and checkpoints are not lost, because they are written to the disk when they are made.
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

from rich.console import Console

__all__ = ["EXIT_CODE", "how_to_continue", "interruptible"]

EXIT_CODE = 2
"""The exit code of an interrupted command. It is the code that pytest uses."""

SECONDS_TO_END = 3.5
"""Time in seconds that an interrupted command has to end."""

_LIKE_CTRL_C = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""The signals that interrupt a command like Ctrl-C. Windows has no SIGHUP."""


def how_to_continue() -> str:
    """Return a sentence with the command that continues the work of this process.

    This command is the command line of this process without `--fresh`, because `--fresh` would generate all answers
    again.
    """
    program, *words = sys.argv
    path = Path(program)
    # With `python -m pytest`, the program is `__main__.py`. With `python -m toolmark.benchmark.cli`, it is `cli.py`.
    name = {"__main__.py": path.parent.name, "cli.py": "toolmark"}.get(path.name, path.name)
    return f"To continue, run: {shlex.join([name, *(word for word in words if word != '--fresh')])}"


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM and SIGHUP interrupt the command like Ctrl-C inside the `with` block.

    After an interruption, the command ends within `SECONDS_TO_END` and the time to print a line. If a signal was
    ignored when the command was started, it stays ignored. For example, `nohup` ignores SIGHUP. The block has no effect
    inside another block of this function, or outside the main thread.
    """
    if signal.getsignal(signal.SIGTERM) in (_interrupt, _ignore) or not _in_main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in _LIKE_CTRL_C}
    interrupted = threading.Event()
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    # Python writes the number of a signal to this pipe at once, even if the main thread is inside a long computation.
    before = signal.set_wakeup_fd(write_end)
    # Exit functions are called in reverse order. This one is called after those of libraries that are imported later.
    atexit.register(_leave_at_once_if, interrupted)
    threading.Thread(target=_end_in_time, args=(read_end, interrupted), daemon=True).start()
    for number, handler in handlers.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(before)
        os.close(write_end)


def _in_main_thread() -> bool:
    """Return whether this is the main thread. Only the main thread may change handlers of signals."""
    return threading.current_thread() is threading.main_thread()


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a signal handler
    """Call the current handler of Ctrl-C, which may be that of a library. For example, asyncio has its own handler."""
    # When a terminal is closed, SIGHUP comes twice. The second signal must not interrupt the handling of the first.
    for one in _LIKE_CTRL_C:
        if signal.getsignal(one) is _interrupt:
            signal.signal(one, _ignore)
    handler = signal.getsignal(signal.SIGINT)
    if callable(handler):
        handler(signal.SIGINT, frame)
    else:  # A shell lets a command in the background ignore SIGINT.
        raise KeyboardInterrupt


def _ignore(number: int, frame: FrameType | None) -> None:
    """Do nothing. SIG_IGN is not used, because child processes would inherit SIG_IGN."""


def _leave_at_once_if(interrupted: threading.Event) -> None:
    """End the process at once if it was interrupted. Otherwise Python would take seconds to free the memory."""
    if interrupted.is_set():
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):  # The terminal or the stream may be closed.
                stream.flush()
        os._exit(EXIT_CODE)


def _end_in_time(signals: int, interrupted: threading.Event) -> None:
    """Wait for the first interruption. If the process has not ended `SECONDS_TO_END` later, end the process.

    Args:
        signals: The pipe to which Python writes the numbers of signals.
        interrupted: Set when the first interruption arrives.
    """
    with open(signals, "rb", buffering=0) as stream:
        while (number := stream.read(1)) and number[0] not in (signal.SIGINT, *_LIKE_CTRL_C):
            pass
    if not number:  # The pipe is closed, because the block of `interruptible` has ended.
        return
    interrupted.set()
    time.sleep(SECONDS_TO_END)
    try:
        console = Console(stderr=True)
        console.show_cursor()
        console.print(f"Interrupted. {how_to_continue()}", markup=False, highlight=False, soft_wrap=True)
    finally:  # The process must end even if the terminal is closed.
        os._exit(EXIT_CODE)
