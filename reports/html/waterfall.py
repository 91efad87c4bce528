"""Draws how the scores change in each step of a comparison, for example in each part of a deployment."""

from __future__ import annotations

from typing import Any

from toolmark.benchmark.scoring.metrics import MetricInfo
from toolmark.benchmark.verdicts.comparison import Comparison
from toolmark.reports.html.drawing import Drawing, colour, share_axis, short
from toolmark.reports.steps import Steps, steps
from toolmark.reports.tables import difference_cells

__all__ = ["waterfall"]


def waterfall(comparison: Comparison) -> Drawing | None:
    """Return the figure. None if the candidates of the comparison are not steps."""
    found = steps(comparison)
    if found is None:
        return None
    metrics = [metric for metric in comparison.primary if found.start.figures[metric.id].score is not None]
    if not metrics:
        return None
    compared = [*found.steps, found.whole]
    return Drawing(
        "waterfall",
        "Where it was lost",
        "From the first candidate to the last, each bar is the change of the score in one step. The last bar is the "
        "score after all steps.",
        [(metric.label, _bars(comparison, found, metric)) for metric in metrics],
        ("metric", "step", "n", "points", "95% interval", "won and lost", "p", "verdict"),
        [
            [metric.id, one.name, *difference_cells(one.differences[metric.id])]
            for metric in metrics
            for one in compared
        ],
    )


def _bars(comparison: Comparison, found: Steps, metric: MetricInfo) -> dict[str, Any]:
    level = (found.start.figures[metric.id].score or 0.0) * 100
    names, bases, heights = [short(found.start.name)], [0.0], [level]
    for one in found.steps:
        change = (one.differences[metric.id].effect or 0.0) * 100
        names.append(short(one.name))
        bases.append(level)
        heights.append(change)
        level += change
    names.append(short(found.whole.name))
    bases.append(0.0)
    heights.append((found.whole.figures[metric.id].score or 0.0) * 100)
    hues = [colour(comparison.position(one.name)) for one in (found.start, *found.steps, found.whole)]
    trace = {
        "type": "bar",
        "x": names,
        "y": heights,
        "base": bases,
        "marker": {"color": hues},
        "hovertemplate": "%{x}: %{y:.1f} points<extra></extra>",
    }
    layout = {"xaxis": {"type": "category", "fixedrange": True}, "yaxis": share_axis(range=[0, 103])}
    return {"data": [trace], "layout": {**layout, "showlegend": False}}
