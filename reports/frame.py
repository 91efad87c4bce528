"""The comparison as a data frame and as CSV: one row a metric and candidate."""

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
        "minimum_detectable_effect": found and found.minimum_detectable,
        "within_margin": found and found.within_margin,
        "verdict": found and found.verdict,
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
        **_difference(contestant.differences.get(metric.id)),
    }


def frame(comparison: Comparison) -> DataFrame:
    """Every figure of the comparison, one row a metric and contestant; an empty cell where there is none."""
    from pandas import DataFrame  # half a second to import

    lines = [_line(metric, contestant) for metric in comparison.metrics for contestant in comparison.contestants]
    return DataFrame(lines).astype(dict.fromkeys(("wins", "losses", "ties"), "Int64"))  # counts that may be missing


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
