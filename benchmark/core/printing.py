"""Printing what a model or a file wrote: it cannot steer the terminal, and names stay whole in files and pipes."""

from __future__ import annotations

from rich.console import Console

__all__ = ["console", "printable", "say"]

_NARROWEST = 160
"""Columns where no terminal gives a width."""


def console() -> Console:
    """A console that takes text as it is."""
    made = Console(markup=False, highlight=False)
    return made if made.is_terminal else Console(markup=False, highlight=False, width=_NARROWEST)


def say(*lines: str) -> None:
    """Print lines unbroken and printable."""
    drawn = console()
    for line in lines:
        drawn.print(printable(line), soft_wrap=True)


def printable(text: str) -> str:
    """`text` with everything escaped that could move a terminal's cursor or hide in it; line breaks stay."""
    return "".join(
        char if char == "\n" or char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
    )
