"""Interrupting a command: Ctrl-C, SIGTERM and SIGHUP do the same, and the command ends within five seconds.

A command is interrupted by `KeyboardInterrupt`, which Python raises in the main thread when the current call returns.
A computation or a library can delay this for longer than a user, or a machine that shuts down, waits. After
`SECONDS_TO_END`, the process therefore ends without waiting any longer. Nothing is lost by that, because answers and
checkpoints are written to the disk when they are made.
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
"""The exit code of an interrupted command. pytest has the same code."""

SECONDS_TO_END = 3.5

_LIKE_CTRL_C = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Windows has no SIGHUP."""


def how_to_continue() -> str:
    """Return a sentence with the command that continues the work of this process.

    It is the command of this process, without `--fresh`, because `--fresh` would generate all answers again.
    """
    program, *words = sys.argv
    path = Path(program)
    # The last two are names of files that Python runs with -m: `python -m pytest`, `python -m toolmark.benchmark.cli`.
    name = {"__main__.py": path.parent.name, "cli.py": "toolmark"}.get(path.name, path.name)
    return f"To continue, run: {shlex.join([name, *(word for word in words if word != '--fresh')])}"


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside the block, SIGTERM and SIGHUP interrupt the command like Ctrl-C, and the command then ends in time.

    A signal that was ignored when the command was started stays ignored. For example, `nohup` ignores SIGHUP. Inside
    another such block, or outside the main thread, the block has no effect.
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
    # Registered early, so it is called after the exit functions of the libraries that are imported later.
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
    """Whether this thread may change handlers of signals."""
    return threading.current_thread() is threading.main_thread()


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a signal handler
    """Do what Ctrl-C does now. For example, asyncio has a handler of its own for Ctrl-C."""
    # A closed terminal sends SIGHUP twice. The second signal must not interrupt what the first signal started.
    for one in _LIKE_CTRL_C:
        if signal.getsignal(one) is _interrupt:
            signal.signal(one, _ignore)
    handler = signal.getsignal(signal.SIGINT)
    if callable(handler):
        handler(signal.SIGINT, frame)
    else:  # a shell starts a command in the background with SIGINT ignored
        raise KeyboardInterrupt


def _ignore(number: int, frame: FrameType | None) -> None:
    """Do nothing. Unlike SIG_IGN, a child process does not inherit this handler."""


def _leave_at_once_if(interrupted: threading.Event) -> None:
    """End an interrupted process that has done everything but free its memory, which takes Python seconds."""
    if interrupted.is_set():
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):  # the terminal, or the stream, is closed
                stream.flush()
        os._exit(EXIT_CODE)


def _end_in_time(signals: int, interrupted: threading.Event) -> None:
    """Wait for the first signal that interrupts. If the process has not ended in time after that, end the process."""
    with open(signals, "rb", buffering=0) as stream:
        while (number := stream.read(1)) and number[0] not in (signal.SIGINT, *_LIKE_CTRL_C):
            pass
    if not number:  # the block has ended
        return
    interrupted.set()
    time.sleep(SECONDS_TO_END)
    try:
        console = Console(stderr=True)
        console.show_cursor()
        console.print(f"Interrupted. {how_to_continue()}", markup=False, highlight=False, soft_wrap=True)
    finally:  # the terminal may be closed
        os._exit(EXIT_CODE)
