"""The figures of a report, as Plotly traces and as the table that says the same.

A figure that would show nothing is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from toolmark.benchmark.scoring.grades import CAUSES
from toolmark.benchmark.verdicts.comparison import Comparison
from toolmark.benchmark.verdicts.evidence import Evidence
from toolmark.reports.html.drawing import (
    SYMBOLS,
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
)
from toolmark.reports.html.origins import confusion, offered, seen
from toolmark.reports.html.spending import spent
from toolmark.reports.html.training import curves
from toolmark.reports.sentences import label
from toolmark.reports.tables import difference_cells

__all__ = ["drawings"]

_OPEN = {"inconclusive", "missing", "equivalent"}


def _forest(comparison: Comparison) -> Drawing | None:
    rows = [row for row in comparison.rows if row.differences]
    held = [index for index, column in enumerate(comparison.columns) if column.baseline is not None]
    if not held or not rows:
        return None
    places = slots(len(held))
    traces = []
    table: list[list[str]] = []
    for slot, index in zip(places, held, strict=True):
        found = [(place, row, row.differences[index]) for place, row in enumerate(rows)]
        known = [(p, row, d, d.effect, d.interval) for p, row, d in found if d and d.effect is not None and d.interval]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": short(comparison.columns[index].name),
                "x": [effect * 100 for _, _, _, effect, _ in known],
                "y": [place + slot for place, *_ in known],
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": [(finite(i.high, 1) - effect) * 100 for _, _, _, effect, i in known],
                    "arrayminus": [(effect - finite(i.low, -1)) * 100 for _, _, _, effect, i in known],
                    "color": colour(index),
                    "thickness": 2,
                    "width": 5,
                },
                "marker": {
                    "color": colour(index),
                    "size": 11,
                    "symbol": [
                        SYMBOLS[index % 10] + ("-open" if d.verdict in _OPEN else "") for _, _, d, _, _ in known
                    ],
                    "line": {"width": 2, "color": colour(index)},
                },
                "text": [f"{label(row.metric)}: {d.verdict}" for _, row, d, _, _ in known],
                "hovertemplate": "%{text}, %{x:+.1f} points<extra></extra>",
            }
        )
        table += [
            [row.metric, comparison.columns[index].name, *difference_cells(d)] for _, row, d in found if d is not None
        ]
    margin = comparison.margin * 100
    layout = {
        "xaxis": {"ticksuffix": "", "title": {"text": "points better than the baseline"}, "zeroline": True},
        "yaxis": rows_axis([label(row.metric) for row in rows]),
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
        "showlegend": len(held) > 1,
    }
    return Drawing(
        "forest",
        "Differences from the baseline",
        f"Filled: improved or regressed. Open: equivalent or inconclusive. The band is the margin of ±{margin:g} "
        "points; bars are 95% intervals, uncorrected.",
        [("", {"data": traces, "layout": layout})],
        ("metric", "candidate", "n", "points", "95% interval", "won and lost", "p", "verdict"),
        table,
        130 + len(rows) * max(46, 18 * len(held)),
    )


def _scores(comparison: Comparison, evidence: Evidence | None) -> Drawing:
    rows = [row for row in comparison.rows if row.level == "primary"]
    places = slots(len(comparison.columns))
    traces: list[dict[str, Any]] = []
    for index, column in enumerate(comparison.columns):
        scores, error = points([row.figures[index] for row in rows])
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": short(column.name),
                "x": scores,
                "y": [place + places[index] for place in range(len(rows))],
                "error_x": {**error, "color": colour(index)},
                "marker": {"color": colour(index), "symbol": SYMBOLS[index % 10], "size": 9},
                "text": [label(row.metric) for row in rows],
                "hovertemplate": "%{text}: %{x:.1f} %<extra></extra>",
            }
        )
    for policy in evidence.policies if evidence else ():
        known = [(place, row) for place, row in enumerate(rows) if row.metric in policy.scores]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": policy.name,
                "x": [policy.scores[row.metric] * 100 for _, row in known],
                "y": [place for place, _ in known],
                "marker": {"color": "@muted", "symbol": "line-ns-open", "size": 12},
                "text": [label(row.metric) for _, row in known],
                "hovertemplate": f"{policy.meaning}: %{{x:.1f}} %<extra></extra>",
                "showlegend": False,
            }
        )
    layout = {
        "xaxis": share_axis(),
        "yaxis": rows_axis([label(row.metric) for row in rows]),
        **legend(comparison),
    }
    table = score_rows(comparison, [(row.metric, row.meaning, row.figures) for row in rows])
    return Drawing(
        "scores",
        "Scores",
        "Each candidate on each primary metric with its 95% interval; upright strokes are policies that do not read "
        "the question.",
        [("", {"data": traces, "layout": layout})],
        ("metric", "candidate", "n", "score", "95% interval"),
        table,
        120 + len(rows) * max(46, 16 * len(comparison.columns)),
    )


def _causes(comparison: Comparison) -> Drawing | None:
    present = [cause for cause in CAUSES if any(column.causes.get(cause) for column in comparison.columns)]
    if not present:
        return None
    names = [short(column.name) for column in comparison.columns]
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": cause.replace("_", " "),
            "y": list(range(len(names))),
            "x": [column.causes.get(cause, 0) for column in comparison.columns],
            "marker": {"color": f"@k{CAUSES.index(cause)}", "line": {"width": 1, "color": "@paper"}},
            "hovertemplate": f"{cause.replace('_', ' ')}: %{{x}}<extra></extra>",
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
        [column.name, cause.replace("_", " "), str(column.causes[cause])]
        for column in comparison.columns
        for cause in present
        if column.causes.get(cause)
    ]
    return Drawing(
        "causes",
        "Why completions failed",
        "One cause a failure, the first that applies: calling when it should not, not calling, then what is wrong with "
        "the call.",
        [("", {"data": traces, "layout": layout})],
        ("candidate", "cause", "completions"),
        rows,
        250 + 44 * len(names),
    )


def _strict(comparison: Comparison) -> Drawing | None:
    by_id = {row.metric: row for row in comparison.rows}
    found = [by_id[name] for name in ("validity.call", "validity.lenient") if name in by_id]
    if len(found) < 2 or not any(figure.n for row in found for figure in row.figures):
        return None
    figures = {index: [row.figures[index] for row in found] for index in range(len(comparison.columns))}
    groups = ["strict", "lenient"]
    return Drawing(
        "strict",
        "Strict against lenient",
        "Whole calls right as the dialect demands, and with its form forgiven. A wide gap is a matter of format, not "
        "of ability.",
        [("", bars(comparison, groups, figures))],
        ("reading", "candidate", "n", "whole call right", "95% interval"),
        score_rows(comparison, [(name, "", row.figures) for name, row in zip(groups, found, strict=True)]),
        330,
    )


def _all(comparison: Comparison) -> Iterator[Drawing | None]:
    evidence = comparison.evidence
    yield _forest(comparison)
    yield _scores(comparison, evidence)
    if evidence is not None:
        yield offered(comparison, evidence)
        yield confusion(comparison, evidence)
    yield _causes(comparison)
    yield _strict(comparison)
    if evidence is not None:
        yield seen(comparison, evidence)
    yield curves(comparison)
    if evidence is not None:
        yield spent(comparison, evidence)


def drawings(comparison: Comparison) -> list[Drawing]:
    """All figures that have something to show, in the order of the page."""
    return [found for found in _all(comparison) if found is not None]
