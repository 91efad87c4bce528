"""Draws the training: the losses, the scores of the checkpoints, and the checkpoint that was kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toolmark.benchmark.data.record import ChosenCheckpoint, CurvePoint, TrainingRecord
from toolmark.benchmark.scoring.metric_sets import label
from toolmark.benchmark.verdicts.comparison import Comparison
from toolmark.reports.html.drawing import Drawing, colour, short, symbol
from toolmark.reports.tables import NOTHING

__all__ = ["curves"]

_LOSSES = {"loss": "training loss", "eval_loss": "validation loss"}


def curves(comparison: Comparison) -> Drawing | None:
    """Draw each training curve that has at least two points. Return None if there is no such curve."""
    variants: list[tuple[str, Mapping[str, Any]]] = []
    rows: list[list[str]] = []
    compared_first = sorted(comparison.contestants, key=lambda contestant: contestant.baseline is None)
    for contestant in compared_first:
        record = contestant.training
        if record is None or len(record.curve) < 2:
            continue
        traces = [*_losses(record.curve), *_scores(record.curve)]
        if traces:
            kept = _kept(record.chosen) if record.chosen else {}
            variants.append((short(contestant.name, 60), {"data": traces, "layout": {**_layout(record), **kept}}))
            rows += [_row(contestant.name, point, record.chosen) for point in record.curve]
    if not variants:
        return None
    return Drawing(
        "curves",
        "Training",
        "The figure shows the training record. Solid lines (left axis) are losses. Dotted lines (right axis) are "
        "scores of the checkpoints on the development cases. A dashed line marks the checkpoint that was kept.",
        variants,
        ("candidate", "step", "tokens", "losses", "scores, %", "kept"),
        rows,
    )


def _named(curve: Sequence[CurvePoint], field: str) -> list[str]:
    return list(dict.fromkeys(name for point in curve for name in getattr(point, field)))


def _losses(curve: Sequence[CurvePoint]) -> list[dict[str, Any]]:
    traces = []
    for place, name in enumerate(_named(curve, "losses")):
        along = [(point.step, point.losses[name]) for point in curve if name in point.losses]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers" if len(along) < 30 else "lines",
                "name": _loss(name),
                "x": [step for step, _ in along],
                "y": [value for _, value in along],
                "line": {"color": colour(place + 1), "width": 2},
                "marker": {"color": colour(place + 1), "size": 6},
                "hovertemplate": "step %{x}: %{y:.4~g}<extra></extra>",
            }
        )
    return traces


def _scores(curve: Sequence[CurvePoint]) -> list[dict[str, Any]]:
    traces = []
    for place, name in enumerate(_named(curve, "scores")):
        hue = colour(place + 3)
        along = [(point.step, point.scores[name] * 100) for point in curve if name in point.scores]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": short(label(name)),
                "x": [step for step, _ in along],
                "y": [value for _, value in along],
                "yaxis": "y2",
                "line": {"color": hue, "width": 2, "dash": "dot"},
                "marker": {"color": hue, "symbol": symbol(place + 1), "size": 8},
                "hovertemplate": "step %{x}: %{y:.1f} %<extra></extra>",
            }
        )
    return traces


def _loss(name: str) -> str:
    return _LOSSES.get(name, short(name.replace("_", " ")))


def _layout(record: TrainingRecord) -> dict[str, Any]:
    layout: dict[str, Any] = {
        "xaxis": {"title": {"text": "step"}, "zeroline": False},
        "yaxis": {"title": {"text": "loss"}, "rangemode": "tozero"},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "showlegend": True,
    }
    if any(point.scores for point in record.curve):
        right = {"overlaying": "y", "side": "right", "showgrid": False, "zeroline": False}
        layout["yaxis2"] = {**right, "title": {"text": "score"}, "ticksuffix": " %"}
        if all(0 <= score <= 1 for point in record.curve for score in point.scores.values()):
            layout["yaxis2"] |= {"range": [0, 103], "tickmode": "linear", "dtick": 20}
    return layout


def _kept(chosen: ChosenCheckpoint) -> dict[str, Any]:
    """Return a line at the checkpoint that was kept. Its label has the metric and the score that decided the choice."""
    by = f": {short(label(chosen.metric))}" if chosen.metric else ""
    score = "" if chosen.score is None else f" {chosen.score * 100:.1f} %"
    line = {"color": "@good", "width": 2, "dash": "dash"}
    ends = {"x0": chosen.step, "x1": chosen.step, "yref": "paper", "y0": 0, "y1": 1}
    note = {"x": chosen.step, "yref": "paper", "y": 0, "xanchor": "auto", "yanchor": "bottom", "showarrow": False}
    colours = {"bgcolor": "@paper", "font": {"color": "@good"}}
    return {
        "shapes": [{"type": "line", **ends, "line": line}],
        "annotations": [{**note, **colours, "text": f"kept{by}{score}"}],
    }


def _row(name: str, point: CurvePoint, chosen: ChosenCheckpoint | None) -> list[str]:
    losses = ", ".join(f"{_loss(each)} {value:.4g}" for each, value in point.losses.items())
    scores = ", ".join(f"{each} {value * 100:.1f}" for each, value in point.scores.items())
    kept = "kept" if chosen is not None and chosen.step == point.step else ""
    tokens = NOTHING if point.tokens is None else f"{point.tokens:,.0f}"
    return [name, f"{point.step:g}", tokens, losses, scores, kept]
