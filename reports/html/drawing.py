"""Draws the common parts of the figures of a report: colours, symbols, axes, legends and error bars.

Every number comes from the comparison. A colour is written as `@NAME`. The script of the page looks up NAME in the
style sheet, so the same figure works on a light page and on a dark page.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from toolmark.benchmark.verdicts.comparison import Comparison, Figure
from toolmark.reports.tables import cells
from toolmark.reports.text import visible

__all__ = [
    "SYMBOLS",
    "Drawing",
    "bars",
    "colour",
    "finite",
    "legend",
    "points",
    "rows_axis",
    "score_rows",
    "share_axis",
    "short",
    "slots",
    "symbol",
]

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star", "hexagon", "pentagon", "bowtie", "hourglass")
"""One symbol for each contestant. Contestants differ in colour and in symbol."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """One figure.

    Attributes:
        id: Id of the element.
        title: Title of the figure.
        caption: Explanation of the figure.
        variants: Pairs of a name and a Plotly figure. If there are several, the reader of the page chooses one.
        head: Names of the columns of the figure's table.
        rows: Rows of the figure's table.
        tall: Height in pixels.
    """

    id: str
    title: str
    caption: str
    variants: Sequence[tuple[str, Mapping[str, Any]]]
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = field(default_factory=list)
    tall: int = 380


def finite(value: float, otherwise: float) -> float:
    """Return `value`, the end of an interval. If `value` is infinite, return `otherwise`."""
    return value if math.isfinite(value) else otherwise


def short(name: str, most: int = 28) -> str:
    """Return a name as a label on one line. The label has at most `most` characters and no markup for Plotly."""
    text = visible(name).replace("\n", " ")
    # Plotly reads some HTML in texts, so the characters that begin HTML are replaced.
    return (text if len(text) <= most else text[: most - 1] + "…").replace("<", "‹").replace("&", "＆")


def colour(position: int) -> str:
    """Return the colour of the contestant at this position."""
    return f"@c{position % 10}"


def symbol(position: int) -> str:
    """Return the symbol of the contestant at this position."""
    return SYMBOLS[position % len(SYMBOLS)]


def points(figures: Sequence[Figure], scale: float = 100) -> tuple[list[float | None], dict[str, Any]]:
    """Return the scores, and the error bars that show their intervals.

    Args:
        figures: The scores. If a score is None, there is no point.
        scale: Factor for the scores, 100 for shares.
    """
    scores: list[float | None] = []
    above: list[float] = []
    below: list[float] = []
    for figure in figures:
        has_score = figure.score is not None and figure.interval is not None
        scores.append(figure.score * scale if has_score and figure.score is not None else None)
        low, high = (figure.interval.low, figure.interval.high) if figure.interval else (0.0, 0.0)
        score = figure.score or 0.0
        above.append((finite(high, score) - score) * scale)
        below.append((score - finite(low, score)) * scale)
    return scores, {
        "type": "data",
        "symmetric": False,
        "array": above,
        "arrayminus": below,
        "thickness": 1.5,
        "width": 4,
    }


def legend(comparison: Comparison) -> dict[str, Any]:
    """Return a legend above the figure. With one contestant, the legend is hidden."""
    return {
        "showlegend": len(comparison.contestants) > 1,
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    }


def share_axis(**more: Any) -> dict[str, Any]:
    """Return an axis from 0% to 100%."""
    return {"range": [-3, 103], "ticksuffix": " %", "zeroline": False, **more}


def score_rows(comparison: Comparison, drawn: Sequence[tuple[str, Sequence[Figure]]]) -> list[list[str]]:
    """Return one table row for each pair of name and contestant: name, contestant, n, score, interval.

    Args:
        comparison: The comparison.
        drawn: Pairs of a name and the scores of all contestants.
    """
    return [
        [name, contestant.name, *cells(figure)]
        for name, figures in drawn
        for contestant, figure in zip(comparison.contestants, figures, strict=True)
    ]


def slots(count: int) -> list[float]:
    """Return vertical positions for `count` markers in a row. The row has height 1, and position 0 is its middle."""
    return [0.0] if count == 1 else [(index / (count - 1) - 0.5) * 0.56 for index in range(count)]


def rows_axis(names: Sequence[str]) -> dict[str, Any]:
    """Return a vertical axis with a row for each name. The first row is at the top. Row i has the position i."""
    return {
        "tickmode": "array",
        "tickvals": list(range(len(names))),
        "ticktext": list(names),
        "range": [len(names) - 0.5, -0.5],
        "automargin": True,
        "zeroline": False,
        "showgrid": False,
        "fixedrange": True,
    }


def bars(
    comparison: Comparison, names: Sequence[str], figures: Mapping[int, Sequence[Figure]], scale: float = 100
) -> dict[str, Any]:
    """Return a bar chart with intervals. Every name has a bar for each contestant.

    Args:
        comparison: The comparison.
        names: Names on the horizontal axis.
        figures: A score for each name, by the position of the contestant.
        scale: Factor for the scores, 100 for shares.
    """
    traces: list[dict[str, Any]] = []
    for position, drawn in figures.items():
        scores, error = points(drawn, scale)
        traces.append(
            {
                "type": "bar",
                "name": short(comparison.contestants[position].name),
                "x": list(names),
                "y": scores,
                "error_y": {**error, "color": "@ink"},
                "marker": {"color": colour(position)},
                "hovertemplate": "%{x}: %{y:.1f}<extra></extra>",
            }
        )
    axis = share_axis(range=[0, 103]) if scale == 100 else {"rangemode": "tozero"}
    return {
        "data": traces,
        "layout": {
            "barmode": "group",
            "xaxis": {"type": "category", "fixedrange": True},
            "yaxis": axis,
            **legend(comparison),
        },
    }
