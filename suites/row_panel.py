"""Prints a row of a file in a frame: a title, and lines with a label and a text."""

from __future__ import annotations

from collections.abc import Iterable

from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from toolmark.benchmark.core.printing import printable

__all__ = ["row_panel"]

_LONGEST_TEXT = 4_000
"""Longest text of a line, in characters. Longer texts are cut."""


def row_panel(title: str, lines: Iterable[tuple[str, str | Text, str]]) -> Panel:
    """Return a row in a frame. Control characters are escaped, so that they cannot change the terminal.

    Args:
        title: The title of the frame.
        lines: For each line its label, its text, and the style of the text. A text of type `Text` is printed as it is.
    """
    body = Table.grid(padding=(0, 2))
    body.add_column(style="dim", no_wrap=True)
    body.add_column(overflow="fold")
    for label, text, style in lines:
        if isinstance(text, str):
            shown = text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 1]}…"
            text = Text(printable(shown))
        text.stylize(style)
        body.add_row(label, text)
    return Panel(body, title=Text(printable(title)), title_align="left")
