"""Draws the figures of a report with Plotly. Each figure has a table with the same numbers.

A figure without data is left out.
"""

from __future__ import annotations

from typing import Any

from toolmark.benchmark.scoring.causes import Cause
from toolmark.benchmark.scoring.metric_sets import label
from toolmark.benchmark.verdicts.comparison import Comparison
from toolmark.reports.html.drawing import (
    Drawing,
    bars,
    colour,
    finite,
    legend,
    points,
    rows_axis,
    score_rows,
    share_axis,
    short,
    slots,
    symbol,
)
from toolmark.reports.html.origins import confusion, offered, seen
from toolmark.reports.html.spending import spent
from toolmark.reports.html.timing import timing
from toolmark.reports.html.training import curves
from toolmark.reports.html.waterfall import waterfall
from toolmark.reports.tables import difference_cells

__all__ = ["drawings"]

_OPEN = {"inconclusive", "missing", "equivalent"}


def _forest(comparison: Comparison) -> Drawing | None:
    if not comparison.compared:
        return None
    metrics = [metric.id for metric in comparison.primary]
    traces = []
    table: list[list[str]] = []
    for slot, contestant in zip(slots(len(comparison.compared)), comparison.compared, strict=True):
        position = comparison.position(contestant.name)
        hue = colour(position)
        differences = contestant.differences.items()
        figures = [(metric, d, d.effect, d.interval) for metric, d in differences]
        drawn = [(metric, d, effect, i) for metric, d, effect, i in figures if effect is not None and i is not None]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": short(contestant.name),
                "x": [effect * 100 for _, _, effect, _ in drawn],
                "y": [metrics.index(metric) + slot for metric, *_ in drawn],
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": [(finite(i.high, 1) - effect) * 100 for _, _, effect, i in drawn],
                    "arrayminus": [(effect - finite(i.low, -1)) * 100 for _, _, effect, i in drawn],
                    "color": hue,
                    "thickness": 2,
                    "width": 5,
                },
                "marker": {
                    "color": hue,
                    "size": 11,
                    "symbol": [symbol(position) + ("-open" if d.verdict in _OPEN else "") for _, d, _, _ in drawn],
                    "line": {"width": 2, "color": hue},
                },
                "text": [f"{label(metric)}: {d.verdict}" for metric, d, _, _ in drawn],
                "hovertemplate": "%{text}, %{x:+.1f} points<extra></extra>",
            }
        )
        table += [[metric, contestant.name, *difference_cells(d)] for metric, d in differences]
    margin = comparison.margin * 100
    layout = {
        "xaxis": {"ticksuffix": "", "title": {"text": "points better than the baseline"}, "zeroline": True},
        "yaxis": rows_axis([label(metric) for metric in metrics]),
        "shapes": [
            {
                "type": "rect",
                "x0": -margin,
                "x1": margin,
                "yref": "paper",
                "y0": 0,
                "y1": 1,
                "fillcolor": "@band",
                "line": {"width": 0},
                "layer": "below",
            }
        ],
        **legend(comparison),
        "showlegend": len(comparison.compared) > 1,
    }
    return Drawing(
        "forest",
        "Differences from the baseline",
        f"Filled symbols: improved or regressed. Open symbols: equivalent or inconclusive. The band is the margin of "
        f"±{margin:g} points. The bars are 95% intervals without correction.",
        [("", {"data": traces, "layout": layout})],
        ("metric", "candidate", "n", "points", "95% interval", "won and lost", "p", "verdict"),
        table,
        130 + len(metrics) * max(46, 18 * len(comparison.compared)),
    )


def _scores(comparison: Comparison) -> Drawing:
    metrics = comparison.primary
    places = slots(len(comparison.contestants))
    traces: list[dict[str, Any]] = []
    for position, contestant in enumerate(comparison.contestants):
        scores, error = points([contestant.figures[metric.id] for metric in metrics])
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": short(contestant.name),
                "x": scores,
                "y": [place + places[position] for place in range(len(metrics))],
                "error_x": {**error, "color": colour(position)},
                "marker": {"color": colour(position), "symbol": symbol(position), "size": 9},
                "text": [metric.label for metric in metrics],
                "hovertemplate": "%{text}: %{x:.1f} %<extra></extra>",
            }
        )
    for policy in comparison.report.policies if comparison.report else ():
        scored = [(place, metric) for place, metric in enumerate(metrics) if metric.id in policy.scores]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": policy.name,
                "x": [policy.scores[metric.id] * 100 for _, metric in scored],
                "y": [place for place, _ in scored],
                "marker": {"color": "@muted", "symbol": "line-ns-open", "size": 12},
                "text": [metric.label for _, metric in scored],
                "hovertemplate": f"{policy.meaning}: %{{x:.1f}} %<extra></extra>",
                "showlegend": False,
            }
        )
    layout = {
        "xaxis": share_axis(),
        "yaxis": rows_axis([metric.label for metric in metrics]),
        **legend(comparison),
    }
    rows = [(metric.id, [one.figures[metric.id] for one in comparison.contestants]) for metric in metrics]
    return Drawing(
        "scores",
        "Scores",
        "The score of each candidate on each primary metric, with its 95% interval. A vertical stroke is the score of "
        "a trivial policy. A trivial policy answers by a simple rule, without a model.",
        [("", {"data": traces, "layout": layout})],
        ("metric", "candidate", "n", "score", "95% interval"),
        score_rows(comparison, rows),
        120 + len(metrics) * max(46, 16 * len(comparison.contestants)),
    )


_ONE_CAUSE = (
    "Each failed completion has one cause. If several causes apply, the first of this list counts: a call where "
    "abstaining is right, no call, a fault of the call."
)
_ONE_CAUSE_OF_A_CONVERSATION = (
    "Each failed conversation has one cause, which is taken from its first wrong turn. If several causes apply, the "
    "first of this list counts: a forbidden change, a turn that ended without an answer, an unmet demand."
)


def _causes(comparison: Comparison) -> Drawing | None:
    present = [cause for cause in Cause if any(one.causes.get(cause) for one in comparison.contestants)]
    if not present:
        return None
    names = [short(contestant.name) for contestant in comparison.contestants]
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": cause.label,
            "y": list(range(len(names))),
            "x": [contestant.causes.get(cause, 0) for contestant in comparison.contestants],
            "marker": {"color": f"@cause-{cause}", "line": {"width": 1, "color": "@paper"}},
            "hovertemplate": f"{cause.label}: %{{x}}<extra></extra>",
        }
        for cause in present
    ]
    layout = {
        "barmode": "stack",
        "xaxis": {"title": {"text": "completions that failed"}, "zeroline": False},
        "yaxis": rows_axis(names),
        "legend": {"orientation": "h", "y": -0.35, "yanchor": "top", "x": 0, "traceorder": "normal"},
        "showlegend": True,
    }
    rows = [
        [contestant.name, cause.label, str(contestant.causes[cause])]
        for contestant in comparison.contestants
        for cause in present
        if contestant.causes.get(cause)
    ]
    return Drawing(
        "causes",
        "Why completions failed",
        _ONE_CAUSE_OF_A_CONVERSATION if "conversation.success" in comparison.contestants[0].figures else _ONE_CAUSE,
        [("", {"data": traces, "layout": layout})],
        ("candidate", "cause", "completions"),
        rows,
        250 + 44 * len(names),
    )


def _strict(comparison: Comparison) -> Drawing | None:
    readings = {"strict": "validity.call", "lenient": "validity.lenient"}
    if not all(metric in one.figures for metric in readings.values() for one in comparison.contestants):
        return None
    figures = [[one.figures[metric] for metric in readings.values()] for one in comparison.contestants]
    if not any(figure.n for drawn in figures for figure in drawn):
        return None
    by_reading = [(name, [drawn[place] for drawn in figures]) for place, name in enumerate(readings)]
    return Drawing(
        "strict",
        "Strict against lenient",
        "The share of calls that are completely right, in the strict and in the lenient reading of the dialect. If the "
        "lenient score is much higher, most mistakes are mistakes of format.",
        [("", bars(comparison, list(readings), dict(enumerate(figures))))],
        ("reading", "candidate", "n", "whole call right", "95% interval"),
        score_rows(comparison, by_reading),
        330,
    )


def drawings(comparison: Comparison) -> list[Drawing]:
    """Return each figure that has data, in the order of the page."""
    every = (waterfall, _forest, _scores, timing, offered, confusion, _causes, _strict, seen, curves, spent)
    return [drawing for draw in every if (drawing := draw(comparison)) is not None]
