"""Prints text that comes from models, servers and files.

Control characters are escaped, secrets are hidden, and long lines are not broken.
"""

from __future__ import annotations

from rich.console import Console

from toolmark.benchmark.core.secrets import redacted

__all__ = ["console", "printable", "say"]

_WIDTH_WITHOUT_TERMINAL = 160
"""The width of the output, in characters, if the output does not go to a terminal."""


def console() -> Console:
    """Return a console that prints text unchanged, without markup and highlighting."""
    terminal = Console(markup=False, highlight=False)
    if terminal.is_terminal:
        return terminal
    return Console(markup=False, highlight=False, width=_WIDTH_WITHOUT_TERMINAL)


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
