"""Builds a page of measurements, and formats the figures of the page."""

from __future__ import annotations

import math
import sys
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median

from toolmark.benchmark.verdicts.figure import Figure
from toolmark.benchmark.verdicts.intervals import Interval
from toolmark.benchmark.verdicts.verdict import Difference


class Page:
    """A page in Markdown, and the targets that were missed.

    Attributes:
        text: The parts of the page.
        broken: The missed targets.
    """

    def __init__(self, head: str) -> None:
        self.text = [head]
        self.broken: list[str] = []

    def section(self, title: str, explanation: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Add a heading, the explanation of the table (paragraphs and lists, or nothing), and the table."""
        lines = ["| " + " | ".join(row) + " |" for row in (columns, ["---:"] * len(columns), *rows)]
        parts = [f"## {title}", filled(explanation), "\n".join(lines)]
        self.text.append("\n\n".join(filter(None, parts)) + "\n")

    def paragraph(self, text: str) -> None:
        """Add paragraphs and lists, in lines of at most 120 characters."""
        self.text.append(filled(text) + "\n")

    def held(self, met: bool, target: str, measured: str) -> None:
        """Add a paragraph about a target.

        Args:
            met: Whether the target is met.
            target: The target, as a sentence without a full stop. Example: "The page must have at most 8 MB".
            measured: The measured value.
        """
        self.paragraph(f"**Target {'met' if met else 'missed'}.** {target}. Measured: {measured}.")
        if not met:
            self.broken.append(f"{target}. Measured: {measured}")

    def finish(self, out: Path) -> None:
        """Write the page. If a target was missed, say which, and end the program with code 1."""
        out.parent.mkdir(exist_ok=True)
        out.write_text("\n".join(self.text), encoding="utf-8")
        self.fail_if_missed()

    def fail_if_missed(self) -> None:
        """If a target was missed, say which, and end the program with code 1."""
        if self.broken:
            sys.exit("Targets missed:\n" + "\n".join(self.broken))


def filled(text: str) -> str:
    """Return the text in lines of at most 120 characters. Every line of `text` is a paragraph or an item of a list."""
    return "\n".join(
        textwrap.fill(line, 120, subsequent_indent="  " if line.startswith("- ") else "") for line in text.split("\n")
    )


def percent(share: float, digits: int = 1) -> str:
    """Return a share as a percentage. Example: 0.0512 gives 5.1%."""
    return f"{share:.{digits}%}"


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Return the median, the smallest and the largest value. Example: 2.0 [1.5, 2.4].

    If there is only one value, only this value is returned.
    """
    middle = f"{median(values):,.{digits}f}"
    return middle if len(values) == 1 else f"{middle} [{min(values):,.{digits}f}, {max(values):,.{digits}f}]"


def drawn(share: float, comparisons: float, digits: int = 1) -> str:
    """Return a share of simulated comparisons, and twice its standard error. Example: 5.1% ± 0.4."""
    return f"{share:.{digits}%} ± {200 * math.sqrt(share * (1 - share) / comparisons):.{digits}f}"


def points(effect: float, interval: Interval) -> str:
    """Return a difference in percentage points, with its interval. Example: +1.2 [-0.5, +2.9]."""
    return f"{100 * effect:+.1f} [{100 * interval.low:+.1f}, {100 * interval.high:+.1f}]"


def score(figure: Figure) -> str:
    """Return a score in per cent, with its interval. Example: 14.0 [10.2, 18.9]."""
    if figure.score is None or figure.interval is None:
        return "n/a"
    return f"{100 * figure.score:.1f} [{100 * figure.interval.low:.1f}, {100 * figure.interval.high:.1f}]"


def shown(one: Difference) -> str:
    """Return a difference in points with its interval and verdict."""
    if one.effect is None or one.interval is None:
        return "n/a"
    return f"{points(one.effect, one.interval)} {one.verdict}"
