"""A page of measurements, and functions that format the figures of the page."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence
from statistics import median


class Page:
    """A page in Markdown, and the promises that were not kept."""

    def __init__(self, head: str) -> None:
        self.text = [head]
        self.broken: list[str] = []

    def section(self, title: str, promise: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Add a heading, a paragraph that explains the table, and the table."""
        lines = ["| " + " | ".join(row) + " |" for row in (columns, ["---:"] * len(columns), *rows)]
        self.text.append(f"## {title}\n\n{textwrap.fill(promise, 120)}\n\n" + "\n".join(lines) + "\n")

    def held(self, kept: bool, promise: str, seen: str) -> None:
        """Add a line about a promise: whether the promise was kept, and the measured value."""
        self.text.append(f"**{'Kept' if kept else 'Not kept'}**: {promise}. Measured: {seen}.\n")
        if not kept:
            self.broken.append(f"{promise}. Measured: {seen}")


def percent(share: float, digits: int = 1) -> str:
    """Write 0.0512 as 5.1%."""
    return f"{share:.{digits}%}"


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Write the median and the range: 2.0 [1.5, 2.4]."""
    middle = f"{median(values):,.{digits}f}"
    return middle if len(values) == 1 else f"{middle} [{min(values):,.{digits}f}, {max(values):,.{digits}f}]"


def drawn(share: float, comparisons: float, digits: int = 1) -> str:
    """Write a share with twice its standard error: 5.1% ± 0.4."""
    return f"{share:.{digits}%} ± {200 * math.sqrt(share * (1 - share) / comparisons):.{digits}f}"
