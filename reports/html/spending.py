"""The figure on what the answers took: tokens, seconds, cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolmark.benchmark.verdicts.comparison import Comparison
from toolmark.reports.html.drawing import Drawing, bars, colour, rows_axis, short
from toolmark.reports.tables import NOTHING, cells

__all__ = ["spent"]


def _bar(comparison: Comparison, name: str, known: Mapping[int, float], unit: str) -> dict[str, Any]:
    """A bar a contestant, without an interval: a sum has none."""
    names = [short(comparison.contestants[position].name) for position in known]
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": list(known.values()),
        "y": list(range(len(known))),
        "text": names,
        "textposition": "none",
        "marker": {"color": [colour(position) for position in known]},
        "hovertemplate": f"%{{text}}: %{{x:.4~g}} {unit}<extra></extra>",
    }
    layout = {
        "xaxis": {"rangemode": "tozero", "title": {"text": name}, "zeroline": False},
        "yaxis": rows_axis(names),
        "showlegend": False,
    }
    return {"data": [trace], "layout": layout}


def _amount(value: float | None, form: str) -> str:
    return NOTHING if value is None else format(value, form)


def spent(comparison: Comparison) -> Drawing | None:
    """Tokens, seconds and cost of each contestant, as far as its run recorded them."""
    if comparison.report is None:
        return None
    every = [comparison.report.details[contestant.name].usage for contestant in comparison.contestants]
    variants: list[tuple[str, Mapping[str, Any]]] = []
    if counted := {position: [used.answer] for position, used in enumerate(every) if used.answer.n}:
        variants.append(("tokens written for an answer", bars(comparison, ["tokens an answer"], counted, 1)))
    if seconds := {position: s for position, used in enumerate(every) if (s := used.answer_seconds) is not None}:
        variants.append(("seconds an answer", _bar(comparison, "seconds an answer", seconds, "s")))
    if costs := {position: c for position, used in enumerate(every) if (c := used.thousand_cost) is not None}:
        variants.append(("cost of a thousand answers", _bar(comparison, "US dollars a thousand", costs, "US dollars")))
    if not variants:
        return None
    rows = [
        [
            contestant.name,
            f"{used.completions:,}",
            *cells(used.answer, "tokens")[1:],
            _amount(used.written, ","),
            _amount(used.read, ","),
            _amount(used.answer_seconds, ",.3f"),
            _amount(used.seconds, ",.1f"),
            _amount(used.thousand_cost, ",.4f"),
            _amount(used.cost, ",.4f"),
        ]
        for contestant, used in zip(comparison.contestants, every, strict=True)
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
