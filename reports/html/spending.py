"""Draws the tokens, the time and the cost of the answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolmark.benchmark.verdicts.comparison import Comparison
from toolmark.reports.html.drawing import Drawing, bars, colour, rows_axis, short
from toolmark.reports.tables import NOTHING, cells

__all__ = ["spent"]


def _bar(comparison: Comparison, name: str, values: Mapping[int, float], unit: str) -> dict[str, Any]:
    """Draw a bar for each contestant. A bar has no interval, because its value is computed from a sum."""
    names = [short(comparison.contestants[position].name) for position in values]
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": list(values.values()),
        "y": list(range(len(values))),
        "text": names,
        "textposition": "none",
        "marker": {"color": [colour(position) for position in values]},
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
    """Draw the recorded tokens, seconds and cost of each contestant. Return None if no run recorded these values."""
    if comparison.report is None:
        return None
    every = [comparison.report.details[contestant.name].usage for contestant in comparison.contestants]
    variants: list[tuple[str, Mapping[str, Any]]] = []
    if counted := {position: [used.answer] for position, used in enumerate(every) if used.answer.n}:
        variants.append(("tokens per answer", bars(comparison, ["tokens per answer"], counted, 1)))
    if seconds := {position: s for position, used in enumerate(every) if (s := used.answer_seconds) is not None}:
        variants.append(("seconds per answer", _bar(comparison, "seconds per answer", seconds, "s")))
    if costs := {position: c for position, used in enumerate(every) if (c := used.thousand_cost) is not None}:
        chart = _bar(comparison, "US dollars per 1,000 answers", costs, "US dollars")
        variants.append(("cost of 1,000 answers", chart))
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
        "The engine counts the tokens. Times are wall-clock seconds of generation. Compare times only if they come "
        "from the same machine. Costs use the prices at the time of the run. n/a means not recorded.",
        variants,
        (
            *("candidate", "answers", "tokens per answer", "95% interval", "tokens written", "tokens read"),
            *("seconds per answer", "seconds in total", "$ per 1,000 answers", "$ in total"),
        ),
        rows,
        320,
    )
