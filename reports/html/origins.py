"""Figures on where a score comes from: length of the list, tools mistaken for others, known tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toolmark.benchmark.verdicts.breakdowns import ABSTAIN, NO_CALL, Confusion
from toolmark.benchmark.verdicts.comparison import Comparison, Figure, Row
from toolmark.benchmark.verdicts.evidence import Evidence
from toolmark.reports.html.drawing import SYMBOLS, Drawing, bars, colour, legend, points, score_rows, share_axis, short
from toolmark.reports.sentences import label
from toolmark.reports.tables import cells

__all__ = ["confusion", "offered", "seen"]


def offered(comparison: Comparison, evidence: Evidence) -> Drawing | None:
    """Selection by the number of tools offered."""
    if len(evidence.offered) < 2:
        return None
    traces: list[dict[str, Any]] = []
    for index, column in enumerate(comparison.columns):
        scores, error = points([point.figures[index] for point in evidence.offered])
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": short(column.name),
                "x": [str(point.tools) for point in evidence.offered],
                "y": scores,
                "error_y": {**error, "color": colour(index)},
                "line": {"color": colour(index), "width": 2},
                "marker": {"color": colour(index), "symbol": SYMBOLS[index % 10], "size": 8},
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
    drawn = [(str(point.tools), "", point.figures) for point in evidence.offered]
    return Drawing(
        "offered",
        "The right tool, by how many are offered",
        "Share of cases in which exactly the right tool is called. A model that reads the list falls slowly.",
        [("", {"data": traces, "layout": layout})],
        ("tools offered", "candidate", "n", "right tool", "95% interval"),
        score_rows(comparison, drawn),
    )


def _heat(found: Confusion) -> dict[str, Any]:
    """Right cells and wrong ones in colours of their own; empty ones have none."""

    def is_right(expected: str, called: str) -> bool:
        return expected == called or (expected == ABSTAIN and called == NO_CALL)

    names = list(zip(found.expected, found.counts, strict=True))
    most = max((count for name, row in names if name != ABSTAIN for count in row), default=1)
    traces = []
    for right, hue in ((True, "@good"), (False, "@bad")):
        z = [
            [
                count if count and is_right(name, called) is right else None
                for called, count in zip(found.called, row, strict=True)
            ]
            for name, row in names
        ]
        traces.append(
            {
                "type": "heatmap",
                "x": list(map(short, found.called)),
                "y": list(map(short, found.expected)),
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


def confusion(comparison: Comparison, evidence: Evidence) -> Drawing | None:
    """Expected against called tools, one candidate at a time."""
    if not any(sum(map(sum, found.counts)) for found in evidence.confusions):
        return None
    names = [short(column.name, 60) for column in comparison.columns]
    order = sorted(range(len(names)), key=lambda index: comparison.columns[index].baseline is None)
    rows = [
        [names[found.column], expected, called, str(count)]
        for found in evidence.confusions
        for expected, row in zip(found.expected, found.counts, strict=True)
        for called, count in zip(found.called, row, strict=True)
        if count
    ]
    return Drawing(
        "confusion",
        "Which tool was called for which",
        "Rows: what was expected. Columns: what was called. Green cells are right.",
        [(names[index], _heat(evidence.confusions[index])) for index in order],
        ("candidate", "expected", "called", "times"),
        rows,
        230 + 21 * len(evidence.confusions[0].expected),
    )


def seen(comparison: Comparison, evidence: Evidence) -> Drawing | None:
    """Tools that training saw against others, for candidates with a record."""
    variants: list[tuple[str, Mapping[str, Any]]] = []
    rows: list[list[str]] = []
    share = Row("", "", "primary", "share", ())
    for metric in dict.fromkeys(part.metric for part in evidence.seen):
        for index in dict.fromkeys(part.column for part in evidence.seen):
            parts = [part for part in evidence.seen if (part.metric, part.column) == (metric, index)]
            if not any(part.figure.n for part in parts):
                continue
            column = comparison.columns[index]
            figures: dict[int, Sequence[Figure]] = {}
            if column.baseline is not None:
                figures[column.baseline] = [part.base or Figure(0) for part in parts]
            figures[index] = [part.figure for part in parts]
            groups = [f"{part.tools} (n {part.figure.n})" for part in parts]
            variants.append((f"{short(column.name)}: {label(metric)}", bars(comparison, groups, figures)))
            for which, drawn in figures.items():
                rows += [
                    [metric, part.tools, comparison.columns[which].name, *cells(share, figure)]
                    for part, figure in zip(parts, drawn, strict=True)
                ]
    if not variants:
        return None
    return Drawing(
        "seen",
        "Tools seen in training against unseen ones",
        "Told by the hashes of the tools in the candidate's training record. What holds on unseen tools was learned, "
        "not memorised.",
        variants,
        ("metric", "tools", "candidate", "n", "score", "95% interval"),
        rows,
        340,
    )
