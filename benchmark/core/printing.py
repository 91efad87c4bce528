"""Printing text of models and files: control characters are escaped, and long lines are not broken."""

from __future__ import annotations

from rich.console import Console

__all__ = ["console", "printable", "say"]

_WIDTH_WITHOUT_TERMINAL = 160
"""Columns of the output where it does not go to a terminal."""


def console() -> Console:
    """A console that prints text unchanged: without markup and highlighting."""
    terminal = Console(markup=False, highlight=False)
    if terminal.is_terminal:
        return terminal
    return Console(markup=False, highlight=False, width=_WIDTH_WITHOUT_TERMINAL)


def say(*lines: str) -> None:
    """Print lines without breaking them, with control characters escaped."""
    output = console()
    for line in lines:
        output.print(printable(line), soft_wrap=True)


def printable(text: str) -> str:
    """`text` with every character escaped that is not printable, so that it cannot control a terminal.

    Newlines stay.
    """
    return "".join(
        char if char == "\n" or char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
    )
