"""What the figures of a report share: their form, colours, axes and error bars.

Every number comes from the comparison; here it is only placed. A colour is a name with `@` before it, which the page's
script looks up in the style sheet, so that the same figure serves light and dark.
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
"""One a contestant, so that colour alone tells nothing apart."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """One figure.

    Attributes:
        id: Of its element.
        title: Over it.
        caption: What to see in it.
        variants: Names and figures to choose from; one of them needs no choice.
        head: Of the table.
        rows: Of the table.
        tall: Pixels of height.
    """

    id: str
    title: str
    caption: str
    variants: Sequence[tuple[str, Mapping[str, Any]]]
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = field(default_factory=list)
    tall: int = 380


def finite(value: float, otherwise: float) -> float:
    """`value`, or `otherwise` where an interval has no end."""
    return value if math.isfinite(value) else otherwise


def short(name: str, most: int = 28) -> str:
    """A name as a label: one line, cut, and without what Plotly would read as markup."""
    text = visible(name).replace("\n", " ")
    # Plotly reads a little HTML in texts: without its opening bracket there is none.
    return (text if len(text) <= most else text[: most - 1] + "…").replace("<", "‹").replace("&", "＆")


def colour(position: int) -> str:
    """The colour of the contestant at this position."""
    return f"@c{position % 10}"


def symbol(position: int) -> str:
    """The symbol of the contestant at this position."""
    return SYMBOLS[position % len(SYMBOLS)]


def points(figures: Sequence[Figure], scale: float = 100) -> tuple[list[float | None], dict[str, Any]]:
    """Scores, and their intervals as asymmetric error bars."""
    scores: list[float | None] = []
    above: list[float] = []
    below: list[float] = []
    for figure in figures:
        known = figure.score is not None and figure.interval is not None
        scores.append(figure.score * scale if known and figure.score is not None else None)
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
    """A legend over the figure, where there is something to tell apart."""
    return {
        "showlegend": len(comparison.contestants) > 1,
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    }


def share_axis(**more: Any) -> dict[str, Any]:
    """An axis from 0 to 100%."""
    return {"range": [-3, 103], "ticksuffix": " %", "zeroline": False, **more}


def score_rows(comparison: Comparison, drawn: Sequence[tuple[str, Sequence[Figure]]]) -> list[list[str]]:
    """One row a name and contestant: name, contestant, n, score, interval.

    Args:
        comparison: Whose contestants are drawn.
        drawn: Names, each with a figure of every contestant.
    """
    return [
        [name, contestant.name, *cells(figure)]
        for name, figures in drawn
        for contestant, figure in zip(comparison.contestants, figures, strict=True)
    ]


def slots(count: int) -> list[float]:
    """Where `count` markers lie around the middle of a row of height 1."""
    return [0.0] if count == 1 else [(index / (count - 1) - 0.5) * 0.56 for index in range(count)]


def rows_axis(names: Sequence[str]) -> dict[str, Any]:
    """An upright axis with one row a name, the first on top; row i lies at i."""
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
    comparison: Comparison, groups: Sequence[str], figures: Mapping[int, Sequence[Figure]], scale: float = 100
) -> dict[str, Any]:
    """Grouped bars with intervals: a group a name, a bar a contestant.

    Args:
        comparison: Whose contestants are drawn.
        groups: Names of the groups.
        figures: A figure for each group, by the contestant's position.
        scale: By which figures are multiplied; 100 for shares.
    """
    traces: list[dict[str, Any]] = []
    for position, drawn in figures.items():
        scores, error = points(drawn, scale)
        traces.append(
            {
                "type": "bar",
                "name": short(comparison.contestants[position].name),
                "x": list(groups),
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
