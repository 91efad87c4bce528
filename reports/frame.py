"""The comparison as a data frame and as CSV: one row a metric and candidate."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolmark.benchmark.verdicts.comparison import Column, Comparison, Figure, Row
from toolmark.benchmark.verdicts.verdict import Difference
from toolmark.reports.text import visible
from toolmark.reports.writing import write

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Csv", "frame"]


def _named(name: str) -> str:
    """A name that a spreadsheet takes for text and not for a formula."""
    text = visible(name)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t") else text


def _difference(found: Difference | None) -> Mapping[str, Any]:
    return {
        "difference": found and found.effect,
        "difference_low": found and found.interval and found.interval.low,
        "difference_high": found and found.interval and found.interval.high,
        "p": found and found.p,
        "adjusted_p": found and found.adjusted,
        "wins": found and found.wins,
        "losses": found and found.losses,
        "ties": found and found.ties,
        "smallest_detectable": found and found.smallest,
        "within_margin": found and found.within_margin,
        "verdict": found and found.verdict,
    }


def _line(comparison: Comparison, row: Row, column: Column, figure: Figure, found: Difference | None) -> dict[str, Any]:
    base = None if column.baseline is None else _named(comparison.columns[column.baseline].name)
    interval = figure.interval
    return {
        "metric": row.metric,
        "level": row.level,
        "unit": row.unit,
        "candidate": _named(column.name),
        "run": _named(column.run),
        "n": figure.n,
        "score": figure.score,
        "low": interval and interval.low,
        "high": interval and interval.high,
        "method": interval and interval.method,
        "baseline": base,
        **_difference(found),
    }


def frame(comparison: Comparison) -> DataFrame:
    """Every figure of the comparison; an empty cell where there is none."""
    from pandas import DataFrame  # half a second to import

    made = DataFrame(
        [
            _line(comparison, row, column, row.figures[index], row.differences[index] if row.differences else None)
            for row in comparison.rows
            for index, column in enumerate(comparison.columns)
        ]
    )
    return made.astype(dict.fromkeys(("wins", "losses", "ties"), "Int64"))  # counts that may be missing


class Csv:
    """Draws every figure as a line of CSV."""

    name = "csv"
    suffixes: Sequence[str] = (".csv",)

    def render(self, comparison: Comparison, out: Path | None) -> None:
        """Write to `out`, or print."""
        stream = io.StringIO()
        frame(comparison).to_csv(stream, index=False)
        if out is None:
            print(stream.getvalue(), end="")  # noqa: T201
        else:
            write(out, stream.getvalue())
