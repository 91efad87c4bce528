"""Prints text that comes from models, servers and files.

All consoles of Toolmark are made here. In everything that a console prints, control characters are escaped and secrets
are hidden. Long lines are not broken.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import IO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from toolmark.benchmark.core.launched_process import launched_process
from toolmark.benchmark.core.secrets import redacted

__all__ = ["brief", "console", "printable", "say"]

_WIDTH_WITHOUT_TERMINAL = 160
"""The width of the output, in characters, if the output does not go to a terminal."""

_BRIEF = 300


class _PrintableConsole(Console):
    """A console that escapes control characters in text, and hides secrets. Rich's own control codes are kept."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield Segment(segment.text if segment.control else redacted(segment.text), *segment[1:])
            else:
                yield Segment(printable(segment.text), *segment[1:])


def console(*, stderr: bool = False, file: IO[str] | None = None) -> Console:
    """Return a console without markup and highlighting. The console makes all text safe for a terminal.

    If a launcher started several processes, only the console of the first process prints.

    Args:
        stderr: Whether to print on the standard error.
        file: The stream to print on, if it is neither the standard output nor the standard error.
    """
    quiet = not launched_process().first
    terminal = _PrintableConsole(markup=False, highlight=False, stderr=stderr, file=file, quiet=quiet)
    if not terminal.is_terminal and (file is not None or "COLUMNS" not in os.environ):
        terminal.width = _WIDTH_WITHOUT_TERMINAL
    return terminal


def say(*lines: str) -> None:
    """Print lines with escaped control characters and hidden secrets. Long lines are not broken."""
    output = console()
    for line in lines:
        output.print(printable(line), soft_wrap=True)


def printable(text: str) -> str:
    """Return `text` with escaped control characters and hidden secrets, so that the text cannot control a terminal.

    All unprintable characters except newlines are escaped.
    """
    return "".join(
        char if char == "\n" or char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in redacted(text)
    )


def brief(text: object) -> str:
    """Return a text of a server or a library on one line. A text of more than 300 characters is cut."""
    line = " ".join(str(text).split())
    return line if len(line) <= _BRIEF else f"{line[:_BRIEF]}…"
