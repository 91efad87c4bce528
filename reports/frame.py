"""Writes a comparison as a data frame and as CSV, with one row for each metric and candidate."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolmark.benchmark.scoring.metrics import MetricInfo
from toolmark.benchmark.verdicts.comparison import Comparison, ContestantResult
from toolmark.benchmark.verdicts.verdict import Difference
from toolmark.reports.text import visible
from toolmark.reports.writing import write

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Csv", "frame"]


def _as_text(name: str) -> str:
    """Return the name, changed if necessary so that a spreadsheet does not read the name as a formula."""
    text = visible(name)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t") else text


def _difference(difference: Difference | None) -> Mapping[str, Any]:
    return {
        "difference": difference and difference.effect,
        "difference_low": difference and difference.interval and difference.interval.low,
        "difference_high": difference and difference.interval and difference.interval.high,
        "p": difference and difference.p,
        "adjusted_p": difference and difference.adjusted,
        "wins": difference and difference.wins,
        "losses": difference and difference.losses,
        "ties": difference and difference.ties,
        "minimum_detectable_effect": difference and difference.minimum_detectable,
        "within_margin": difference and difference.within_margin,
        "verdict": difference and difference.verdict,
    }


def _line(metric: MetricInfo, contestant: ContestantResult) -> dict[str, Any]:
    figure = contestant.figures[metric.id]
    interval = figure.interval
    return {
        "metric": metric.id,
        "level": metric.level,
        "unit": metric.unit,
        "candidate": _as_text(contestant.name),
        "run": _as_text(contestant.run),
        "n": figure.n,
        "score": figure.score,
        "low": interval and interval.low,
        "high": interval and interval.high,
        "method": interval and interval.method,
        "baseline": None if contestant.baseline is None else _as_text(contestant.baseline),
        **_difference(contestant.difference(metric.id)),
    }


def frame(comparison: Comparison) -> DataFrame:
    """Return all figures of a comparison, with a row for each metric and contestant. A missing figure is empty."""
    from pandas import DataFrame  # the import takes half a second

    lines = [_line(metric, contestant) for metric in comparison.metrics for contestant in comparison.contestants]
    return DataFrame(lines).astype(dict.fromkeys(("wins", "losses", "ties"), "Int64"))  # counts that can be missing


class Csv:
    """Writes all figures as CSV, one line for each metric and contestant."""

    name = "csv"
    suffixes: Sequence[str] = (".csv",)

    def render(self, comparison: Comparison, out: Path | None) -> None:
        """Write the CSV to `out`, or print it."""
        stream = io.StringIO()
        frame(comparison).to_csv(stream, index=False)
        write(out, stream.getvalue())
