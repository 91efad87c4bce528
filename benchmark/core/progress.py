"""Shows the progress of a run: the number of completions, the rate, and the time left.

On a terminal, a live bar shows the progress. If the output is not a terminal, lines are printed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

__all__ = ["ProgressLine", "progress_line"]

_SECONDS_BETWEEN_LINES = 10.0


class ProgressLine:
    """Shows the progress of one run.

    Args:
        name: Name of the run, which is printed before each line.
        console: The console to print on.
        live: The bar on a terminal. If None, lines are printed.
    """

    def __init__(self, name: str, console: Console, live: Progress | None) -> None:
        self._name = name
        self._console = console
        self._live = live
        self._task = live.add_task(name, total=None) if live is not None else None
        self._started = self._printed = time.monotonic()

    def update(self, done: int, total: int, further: str = "") -> None:
        """Show that `done` of `total` completions are in the ledger. The text `further` is shown after the numbers."""
        if self._live is not None and self._task is not None:
            description = f"{self._name}: {further}" if further else self._name
            self._live.update(self._task, completed=done, total=total, description=description)
            return
        now = time.monotonic()
        if done == total or now - self._printed >= _SECONDS_BETWEEN_LINES:
            self._printed = now
            rate = done / max(now - self._started, 1e-9)
            left = (total - done) / rate
            suffix = f"; {further}" if further else ""
            self.note(f"{done} of {total} answered, {rate:.1f} per second, {left:.0f} s left{suffix}")

    def note(self, text: str) -> None:
        """Print a line that begins with the name of the run."""
        self._console.print(f"{self._name}: {text}", markup=False, highlight=False, soft_wrap=True)

    def finish(self, text: str) -> None:
        """Print the last line, with the time since the start in seconds."""
        self.note(f"{text} ({time.monotonic() - self._started:.0f} s)")


@contextmanager
def progress_line(name: str, *, live: bool = True) -> Iterator[ProgressLine]:
    """Show the progress of one run inside the `with` block.

    Args:
        name: Name of the run.
        live: Whether to show a live bar on a terminal. Must be False if several runs print at the same time.
    """
    console = Console()
    if not live or not console.is_terminal:
        yield ProgressLine(name, console, None)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        yield ProgressLine(name, console, bar)
