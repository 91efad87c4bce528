"""Draws the scores by number of offered tools, the confused tools, and the scores on tools seen in training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toolmark.benchmark.scoring.metric_sets import label
from toolmark.benchmark.verdicts.breakdowns import ABSTAIN, NO_CALL, Confusion
from toolmark.benchmark.verdicts.comparison import Comparison, Figure
from toolmark.reports.html.drawing import Drawing, bars, colour, legend, points, score_rows, share_axis, short, symbol
from toolmark.reports.tables import cells

__all__ = ["confusion", "offered", "seen"]


def offered(comparison: Comparison) -> Drawing | None:
    """Draw `selection.tool` for each number of offered tools. Return None if all cases offer the same number."""
    if comparison.report is None:
        return None
    figures = [comparison.report.details[contestant.name].offered for contestant in comparison.contestants]
    sizes = list(figures[0])
    if len(sizes) < 2:
        return None
    traces: list[dict[str, Any]] = []
    for position, contestant in enumerate(comparison.contestants):
        scores, error = points([figures[position][size] for size in sizes])
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": short(contestant.name),
                "x": list(map(str, sizes)),
                "y": scores,
                "error_y": {**error, "color": colour(position)},
                "line": {"color": colour(position), "width": 2},
                "marker": {"color": colour(position), "symbol": symbol(position), "size": 8},
                "hovertemplate": "%{x} tools: %{y:.1f} %<extra></extra>",
            }
        )
    layout = {
        "xaxis": {"type": "category", "title": {"text": "tools offered"}, "fixedrange": True},
        "yaxis": share_axis(),
        "scattermode": "group",
        "scattergap": 0.7,
        **legend(comparison),
    }
    return Drawing(
        "offered",
        "The right tool, by the number of tools offered",
        "The share of cases in which exactly the right tools are called. If the score falls little with a longer list, "
        "the model reads the list of tools.",
        [("", {"data": traces, "layout": layout})],
        ("tools offered", "candidate", "n", "right tool", "95% interval"),
        score_rows(comparison, [(str(size), [drawn[size] for drawn in figures]) for size in sizes]),
    )


def _heat(matrix: Confusion) -> dict[str, Any]:
    """Draw the confusions of one contestant. Right cells and wrong cells have different colours.

    A cell without calls has no colour.
    """

    def is_right(expected: str, called: str) -> bool:
        return expected == called or (expected == ABSTAIN and called == NO_CALL)

    names = list(zip(matrix.expected, matrix.counts, strict=True))
    most = max((count for name, row in names if name != ABSTAIN for count in row), default=1)
    traces = []
    for right, hue in ((True, "@good"), (False, "@bad")):
        z = [
            [
                count if count and is_right(name, called) is right else None
                for called, count in zip(matrix.called, row, strict=True)
            ]
            for name, row in names
        ]
        traces.append(
            {
                "type": "heatmap",
                "x": list(map(short, matrix.called)),
                "y": list(map(short, matrix.expected)),
                "z": z,
                "zmin": 0,
                "zmax": max(1, most),
                "colorscale": [[0, f"{hue}-soft"], [1, hue]],
                "showscale": False,
                "xgap": 1,
                "ygap": 1,
                "texttemplate": "%{z}",
                "hovertemplate": "expected %{y}<br>called %{x}<br>%{z} times<extra></extra>",
            }
        )
    return {
        "data": traces,
        "layout": {
            "xaxis": {"side": "top", "tickangle": -55, "automargin": True, "showgrid": False, "type": "category"},
            "yaxis": {"autorange": "reversed", "automargin": True, "showgrid": False, "type": "category"},
            "showlegend": False,
            "font": {"size": 10},
        },
    }


def confusion(comparison: Comparison) -> Drawing | None:
    """Draw expected tools against called tools for each contestant. Return None if all counts are 0."""
    if comparison.report is None:
        return None
    details = comparison.report.details
    if not any(sum(map(sum, detail.confusion.counts)) for detail in details.values()):
        return None
    compared_first = [*comparison.compared, *(one for one in comparison.contestants if one.baseline is None)]
    rows = [
        [short(contestant.name, 60), expected, called, str(count)]
        for contestant in comparison.contestants
        for expected, row in zip(
            details[contestant.name].confusion.expected, details[contestant.name].confusion.counts, strict=True
        )
        for called, count in zip(details[contestant.name].confusion.called, row, strict=True)
        if count
    ]
    return Drawing(
        "confusion",
        "Confused tools",
        "A row is the expected tool, and a column is the called tool. Green cells are right.",
        [(short(contestant.name, 60), _heat(details[contestant.name].confusion)) for contestant in compared_first],
        ("candidate", "expected", "called", "times"),
        rows,
        230 + 21 * max(len(detail.confusion.expected) for detail in details.values()),
    )


def seen(comparison: Comparison) -> Drawing | None:
    """Draw scores on tools seen in training and on other tools. Return None if there is no training record."""
    if comparison.report is None:
        return None
    variants: list[tuple[str, Mapping[str, Any]]] = []
    rows: list[list[str]] = []
    details = comparison.report.details
    metrics = dict.fromkeys(part.metric for detail in details.values() for part in detail.seen)
    for metric in metrics:
        for contestant in comparison.contestants:
            parts = [part for part in details[contestant.name].seen if part.metric == metric]
            if not any(part.figure.n for part in parts):
                continue
            figures: dict[int, Sequence[Figure]] = {}
            if contestant.baseline is not None:
                figures[comparison.position(contestant.baseline)] = [part.base or Figure(0) for part in parts]
            figures[comparison.position(contestant.name)] = [part.figure for part in parts]
            names = [f"{part.tools} (n {part.figure.n})" for part in parts]
            variants.append((f"{short(contestant.name)}: {label(metric)}", bars(comparison, names, figures)))
            for position, drawn in figures.items():
                rows += [
                    [metric, part.tools, comparison.contestants[position].name, *cells(figure)]
                    for part, figure in zip(parts, drawn, strict=True)
                ]
    if not variants:
        return None
    return Drawing(
        "seen",
        "Tools seen in training against unseen tools",
        "A tool is seen if its hash is in the training record of the candidate. If the score also improves on unseen "
        "tools, the improvement does not come from memorised tools.",
        variants,
        ("metric", "tools", "candidate", "n", "score", "95% interval"),
        rows,
        340,
    )
