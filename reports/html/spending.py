"""The figure on what the answers took: tokens, seconds, cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolmark.benchmark.verdicts.comparison import Comparison, Row
from toolmark.benchmark.verdicts.evidence import Evidence
from toolmark.reports.html.drawing import Drawing, bars, colour, rows_axis, short
from toolmark.reports.tables import NOTHING, cells

__all__ = ["spent"]


def _bar(comparison: Comparison, name: str, known: Mapping[int, float], unit: str) -> dict[str, Any]:
    """A bar a candidate, without an interval: a sum has none."""
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": list(known.values()),
        "y": list(range(len(known))),
        "text": [short(comparison.columns[index].name) for index in known],
        "textposition": "none",
        "marker": {"color": [colour(index) for index in known]},
        "hovertemplate": f"%{{text}}: %{{x:.4~g}} {unit}<extra></extra>",
    }
    layout = {
        "xaxis": {"rangemode": "tozero", "title": {"text": name}, "zeroline": False},
        "yaxis": rows_axis([short(comparison.columns[index].name) for index in known]),
        "showlegend": False,
    }
    return {"data": [trace], "layout": layout}


def _amount(value: float | None, form: str) -> str:
    return NOTHING if value is None else format(value, form)


def spent(comparison: Comparison, evidence: Evidence) -> Drawing | None:
    """Tokens, seconds and cost of each candidate, as far as its run recorded them."""
    took = evidence.spent
    variants: list[tuple[str, Mapping[str, Any]]] = []
    if counted := {index: [used.answer] for index, used in enumerate(took) if used.answer.n}:
        variants.append(("tokens written for an answer", bars(comparison, ["tokens an answer"], counted, 1)))
    if seconds := {index: s for index, used in enumerate(took) if (s := used.answer_seconds) is not None}:
        variants.append(("seconds an answer", _bar(comparison, "seconds an answer", seconds, "s")))
    if costs := {index: c for index, used in enumerate(took) if (c := used.thousand_cost) is not None}:
        variants.append(("cost of a thousand answers", _bar(comparison, "US dollars a thousand", costs, "US dollars")))
    if not variants:
        return None
    quantity = Row("", "", "secondary", "tokens", ())
    rows = [
        [
            comparison.columns[index].name,
            f"{used.completions:,}",
            *cells(quantity, used.answer)[1:],
            _amount(used.written, ","),
            _amount(used.read, ","),
            _amount(used.answer_seconds, ",.3f"),
            _amount(used.seconds, ",.1f"),
            _amount(used.thousand_cost, ",.4f"),
            _amount(used.cost, ",.4f"),
        ]
        for index, used in enumerate(took)
    ]
    return Drawing(
        "spent",
        "Time, tokens and cost",
        "Tokens as the engine counted them, seconds of generation by the clock, cost at the prices that were known "
        "when the run was made. Times compare on the same machine only; what a recording does not say is n/a.",
        variants,
        (
            *("candidate", "answers", "tokens an answer", "95% interval", "written in all", "read in all"),
            *("seconds an answer", "seconds in all", "$ a thousand", "$ in all"),
        ),
        rows,
        320,
    )
