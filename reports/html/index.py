"""Writes the index page of a site: all reports, and the primary metrics of the candidates over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from toolmark.benchmark.scoring.conversation_metrics import CONVERSATION_PRIMARY
from toolmark.benchmark.scoring.metric_sets import label
from toolmark.benchmark.scoring.metrics import PRIMARY
from toolmark.reports.history import Entry, Point
from toolmark.reports.html.drawing import Drawing, colour, share_axis, short, symbol
from toolmark.reports.html.page import environment, page_script, plotly_script, policy, sheet, unwanted_styles
from toolmark.reports.text import script_json

__all__ = ["index_page"]

_RED = ("regressed", "missing")


def _series(entries: Sequence[Entry], metric: str) -> dict[tuple[str, str], list[tuple[Entry, Point]]]:
    """Return the points of one metric, oldest first, for each pair of a candidate and the hash of its cases."""
    series: dict[tuple[str, str], list[tuple[Entry, Point]]] = {}
    for entry in entries:
        for side in entry.sides:
            point = side.metrics.get(metric)
            if point is not None and point.score is not None:
                series.setdefault((side.name, entry.case_set), []).append((entry, point))
    return series


def _figure(entries: Sequence[Entry], metric: str) -> dict[str, Any] | None:
    traces: list[dict[str, Any]] = []
    marked: list[tuple[str, float]] = []
    sets = {entry.case_set for entry in entries}
    for index, ((name, case_set), points) in enumerate(_series(entries, metric).items()):
        scored = [(entry.made, p.score * 100, p) for entry, p in points if p.score is not None]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "cliponaxis": False,
                "name": short(name) + (f" on {short(case_set, 8)}" if len(sets) > 1 else ""),
                "x": [made for made, _, _ in scored],
                "y": [score for _, score, _ in scored],
                "error_y": {
                    "type": "data",
                    "symmetric": False,
                    "array": [(p.high if p.high is not None else score / 100) * 100 - score for _, score, p in scored],
                    "arrayminus": [
                        score - (p.low if p.low is not None else score / 100) * 100 for _, score, p in scored
                    ],
                    "color": colour(index),
                    "thickness": 1,
                    "width": 3,
                },
                "line": {"color": colour(index), "width": 2},
                "marker": {"color": colour(index), "symbol": symbol(index), "size": 8},
                "hovertemplate": "%{x}: %{y:.1f} %<extra></extra>",
            }
        )
        marked += [(made, score) for made, score, p in scored if p.verdict in _RED]
    if not traces:
        return None
    traces.append(
        {
            "type": "scatter",
            "mode": "markers",
            "cliponaxis": False,
            "name": "regressed",
            "x": [made for made, _ in marked],
            "y": [score for _, score in marked],
            "marker": {"color": "@bad", "symbol": "circle-open", "size": 20, "line": {"width": 3}},
            "hoverinfo": "skip",
            "showlegend": bool(marked),
        }
    )
    layout = {
        "xaxis": {"type": "date"},
        "yaxis": share_axis(),
        "showlegend": True,
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    }
    return {"data": traces, "layout": layout}


def index_page(entries: Sequence[Entry], plotly: str) -> str:
    """Return the index page.

    Args:
        entries: All reports of the site, oldest first.
        plotly: Address of Plotly's script, relative to the page.
    """
    figures = [(metric, _figure(entries, metric.id)) for metric in (*PRIMARY, *CONVERSATION_PRIMARY)]
    drawings = [
        Drawing(f"over-time-{number}", metric.label, metric.meaning, [("", spec)], tall=320)
        for number, (metric, spec) in enumerate(figures)
        if spec is not None
    ]
    script, style = page_script(), sheet()
    lines = [
        (
            entry,
            [(side, [name for name, point in side.metrics.items() if point.verdict in _RED]) for side in entry.sides],
        )
        for entry in reversed(entries)
    ]
    return (
        environment()
        .get_template("index.html.jinja")
        .render(
            policy=policy([script], [style], beside=True),
            style=style,
            script=script,
            plotly=plotly,
            unwanted=unwanted_styles(plotly_script()),
            data=Markup(script_json({"figures": {f.id: [spec for _, spec in f.variants] for f in drawings}})),  # noqa: S704
            drawings=drawings,
            lines=lines,
            sets=len({entry.case_set for entry in entries}),
            label=label,
        )
    )
