"""Shows what a command is doing, for a person who waits.

- Code that can take long runs inside `with phase("loading 270 MB"):`. Phases can be nested, and the innermost phase is
  shown.
- A command shows its phases inside `with phases_shown():`. On a terminal, one line shows the current phase. In a log, a
  line is printed when a phase has taken 5 seconds, and later every 20 seconds.
- A thread prints the lines, so a phase does not have to report anything.
- Outside `with phases_shown():`, nothing is printed, for example if a Python program uses Toolmark.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Lock, Thread, get_ident
from typing import TypeVar

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from toolmark.benchmark.core.durations import duration, rate
from toolmark.benchmark.core.printing import printable

__all__ = ["Phase", "PhaseLines", "Tally", "counted", "counting", "phase", "phases_shown"]

_SECONDS_TO_FIRST_LINE = 5.0
_SECONDS_BETWEEN_LINES = 20.0
_SECONDS_BETWEEN_LOOKS = 0.5

T = TypeVar("T")

Clock = Callable[[], float]
"""A function that returns the time in seconds, for example `time.monotonic`."""


@dataclass(eq=False, slots=True)
class Phase:
    """A part of a command that can take long.

    Attributes:
        text: What is done now, in words, or a function that returns the words. The text can be replaced while the phase
            runs.
        name: A prefix for the text of this phase and of all inner phases, for example the name of a model.
        began: Time when the phase began, in seconds of the clock.
        printed: Time of the last line that was printed during this phase. None if no line was printed.
    """

    text: str | Callable[[], str]
    name: str
    began: float
    printed: float | None = None

    def words(self, now: float) -> str:
        """Return what is done now. If `text` is a string, the time that the phase has taken is added."""
        return f"{self.text} ({duration(now - self.began)})" if isinstance(self.text, str) else self.text()


@dataclass(slots=True)
class PhaseLines:
    """Keeps the current phases of a command, and makes the lines about them. Every thread has its own phases.

    Args:
        clock: Function that returns the time in seconds.
        pause: Function that is called when the last phase has ended. On a terminal, the function clears the line.
    """

    clock: Clock = time.monotonic
    pause: Callable[[], None] = lambda: None
    _nested: dict[int, list[Phase]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    @contextmanager
    def phase(self, text: str | Callable[[], str], name: str = "") -> Iterator[Phase]:
        """Begin a phase of this thread. The phase ends with the `with` block."""
        entered, thread = Phase(text, name, self.clock()), get_ident()
        with self._lock:
            self._nested.setdefault(thread, []).append(entered)
        try:
            yield entered
        finally:
            with self._lock:
                self._nested[thread].remove(entered)
                if not self._nested[thread]:
                    del self._nested[thread]
                idle = not self._nested
            if idle:
                self.pause()

    def current(self) -> list[str]:
        """Return a line for the innermost phase of each thread."""
        with self._lock:
            return [self._line(phases) for phases in self._nested.values()]

    def due(self) -> list[str]:
        """Return the lines that must be printed to a log now. These lines then count as printed."""
        now, lines = self.clock(), []
        with self._lock:
            for phases in self._nested.values():
                if self._is_due(phases, now):
                    lines.append(self._line(phases))
                    for told in phases:
                        told.printed = now
        return lines

    @staticmethod
    def _is_due(phases: list[Phase], now: float) -> bool:
        """Return whether a line must be printed now.

        A line must be printed if the last line is long ago, or if the innermost phase has taken long and has no line
        yet.
        """
        outermost, innermost = phases[0], phases[-1]
        if outermost.printed is None:
            return now - outermost.began >= _SECONDS_TO_FIRST_LINE
        is_new = innermost.printed is None and now - innermost.began >= _SECONDS_TO_FIRST_LINE
        return is_new or now - outermost.printed >= _SECONDS_BETWEEN_LINES

    def _line(self, phases: list[Phase]) -> str:
        names = [phase.name for phase in phases if phase.name]
        return printable(": ".join([*names, phases[-1].words(self.clock())]))


class Tally:
    """Counts finished pieces of work. A tally can be the text of a phase. This text shows the count, the time left and
    the rate.

    Args:
        what: The pieces and what is done with them, for example `answers judged`.
        total: Number of all pieces. None if the number is not known.
        unit: The name of one piece, for example `answer`.
        clock: Function that returns the time in seconds.

    Attributes:
        total: Number of all pieces. None if the number is not known.
        done: Number of finished pieces.
    """

    def __init__(self, what: str, total: int | None, unit: str, clock: Clock = time.monotonic) -> None:
        self._what, self.total, self._unit, self._clock = what, total, unit, clock
        self._began = clock()
        self.done = 0

    def add(self, count: int = 1) -> None:
        """Count more pieces as finished."""
        self.done += count

    def __call__(self) -> str:
        """Return the count, the time left and the rate.

        For example, `90 of 360 answers judged, about 9 s left, 30 answers per second`.
        """
        done, seconds = self.done, self._clock() - self._began
        counted = f"{done:,} {self._what}" if self.total is None else f"{done:,} of {self.total:,} {self._what}"
        if not done:
            return f"{counted} ({duration(seconds)})"
        said = [counted]
        if self.total is not None:
            said.append(f"about {duration(seconds / done * (self.total - done))} left")
        return ", ".join([*said, rate(done, seconds, self._unit)])


_shown = PhaseLines()
"""The phases of the innermost `with phases_shown()`. Outside of `phases_shown`, the phases are collected but not shown.
"""


@contextmanager
def phase(text: str | Callable[[], str], name: str = "") -> Iterator[Phase]:
    """Begin a phase, which ends with the `with` block. The text of the phase is shown if the block takes long.

    Args:
        text: What is done, in words, or a function that returns the words. Another thread calls this function.
        name: A prefix for this text and for the texts of all inner phases, for example the name of a model.
    """
    with _shown.phase(text, name) as entered:
        yield entered


@contextmanager
def counted(what: str, total: int | None, unit: str) -> Iterator[Tally]:
    """Show a phase with a count of finished pieces. The caller adds each finished piece to the returned tally.

    For the arguments, see `Tally`.
    """
    tally = Tally(what, total, unit)
    with phase(tally):
        yield tally


def counting(pieces: Iterable[T], what: str, total: int | None, unit: str) -> Iterator[T]:
    """Yield the pieces one after the other, and show how many pieces are finished.

    For the arguments, see `Tally`.
    """
    with counted(what, total, unit) as tally:
        for piece in pieces:
            yield piece
            tally.add()


@contextmanager
def phases_shown(console: Console | None = None, *, live: bool = True) -> Iterator[None]:
    """Show the phases of all threads inside the `with` block. During this time, an outer `phases_shown` shows nothing.

    Args:
        console: The console to print on. None means the standard output.
        live: Whether to show one changing line if `console` is a terminal. Must be False if several processes print.
    """
    global _shown
    console = console or Console()
    display = _LiveDisplay(console) if live and console.is_terminal else _LogDisplay(console)
    outer, _shown, ended = _shown, display.lines, Event()
    outer.pause()

    def show() -> None:
        while not ended.wait(_SECONDS_BETWEEN_LOOKS):
            display.show()

    thread = Thread(target=show, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        _shown = outer
        ended.set()
        thread.join()
        display.lines.pause()


class _LogDisplay:
    """Prints lines to a log."""

    def __init__(self, console: Console) -> None:
        self.lines = PhaseLines()
        self._console = console

    def show(self) -> None:
        if self.lines is _shown:
            for line in self.lines.due():
                self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class _LiveDisplay:
    """Shows the current phases at the bottom of a terminal. Other printed text appears above the phases."""

    def __init__(self, console: Console) -> None:
        self.lines = PhaseLines(pause=self._hide)
        self._console = console
        self._live: Live | None = None
        self._lock = Lock()

    def show(self) -> None:
        with self._lock:
            current = self.lines.current() if self.lines is _shown else []
            if not current:
                return
            if self._live is None:
                # The display of rich redirects streams to the terminal. A stream that goes to a file must not be
                # redirected.
                redirect_stdout, redirect_stderr = sys.stdout.isatty(), sys.stderr.isatty()
                self._live = Live(
                    console=self._console,
                    auto_refresh=False,
                    transient=True,
                    redirect_stdout=redirect_stdout,
                    redirect_stderr=redirect_stderr,
                )
                self._live.start()
            rows = (Text(line, no_wrap=True, overflow="ellipsis") for line in current)
            self._live.update(Group(*rows), refresh=True)

    def _hide(self) -> None:
        with self._lock:
            if self._live is not None:
                self._live.stop()
                self._live = None
