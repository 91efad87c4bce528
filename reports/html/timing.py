"""Draws the timing curves: recall against restraint for every threshold, and the calibration of the probabilities."""

from __future__ import annotations

from typing import Any

from toolmark.benchmark.scoring.call_scores import SOURCES
from toolmark.benchmark.verdicts.comparison import Comparison, ContestantResult
from toolmark.benchmark.verdicts.timing_curve import TimingCurve
from toolmark.reports.html.drawing import Drawing, colour, legend, share_axis, short, symbol
from toolmark.reports.tables import NOTHING, cells

__all__ = ["timing"]


def timing(comparison: Comparison) -> Drawing | None:
    """Draw the timing curve of each contestant. Return None if no contestant has a curve."""
    drawn = [(one, one.timing) for one in comparison.contestants if one.timing is not None]
    if not drawn:
        return None
    variants = [("recall against restraint", _curves(comparison, drawn))]
    if any(curve.bins for _, curve in drawn):
        variants.append(("calibration of the probabilities", _calibration(comparison, drawn)))
    return Drawing(
        "timing",
        "Timing curve",
        "A line shows recall and restraint for every threshold of the score. The score is the probability of a call, "
        "or the share of epochs with a call. The large symbol is the candidate with its own decisions. Two candidates "
        "on the same line know equally well when to call.",
        variants,
        (
            "candidate",
            "scores",
            "area",
            "95% interval",
            "recall",
            "restraint",
            "Brier score",
            "calibration error",
            "at 90%",
        ),
        [_row(one, curve) for one, curve in drawn],
        440,
    )


def _curves(comparison: Comparison, drawn: list[tuple[ContestantResult, TimingCurve]]) -> dict[str, Any]:
    traces: list[dict[str, Any]] = []
    for one, curve in drawn:
        position, name = comparison.position(one.name), short(one.name)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": name,
                "x": [point.restraint * 100 for point in curve.points],
                "y": [point.recall * 100 for point in curve.points],
                "text": [f"{point.threshold:.3g}" for point in curve.points],
                "line": {"color": colour(position), "width": 2},
                "hovertemplate": "above %{text}: recall %{y:.1f} %, restraint %{x:.1f} %<extra></extra>",
            }
        )
        own = [one.figures[metric].score for metric in ("timing.restraint", "timing.recall")]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "x": [None if own[0] is None else own[0] * 100],
                "y": [None if own[1] is None else own[1] * 100],
                "marker": {"color": colour(position), "symbol": symbol(position), "size": 13},
                "hovertemplate": f"{name}: recall %{{y:.1f}} %, restraint %{{x:.1f}} %<extra></extra>",
                "showlegend": False,
            }
        )
    return {
        "data": traces,
        "layout": {
            "xaxis": share_axis(title={"text": "restraint"}),
            "yaxis": share_axis(title={"text": "recall"}),
            **legend(comparison),
        },
    }


def _calibration(comparison: Comparison, drawn: list[tuple[ContestantResult, TimingCurve]]) -> dict[str, Any]:
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "perfect",
            "x": [0, 100],
            "y": [0, 100],
            "line": {"color": "@muted", "dash": "dot"},
            "hoverinfo": "skip",
        }
    ]
    for one, curve in drawn:
        position = comparison.position(one.name)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": short(one.name),
                "x": [each.probability * 100 for each in curve.bins],
                "y": [each.right * 100 for each in curve.bins],
                "text": [str(each.n) for each in curve.bins],
                "line": {"color": colour(position)},
                "marker": {"color": colour(position), "symbol": symbol(position)},
                "hovertemplate": "%{text} cases: probability %{x:.1f} %, right %{y:.1f} %<extra></extra>",
            }
        )
    return {
        "data": traces,
        "layout": {
            "xaxis": share_axis(title={"text": "mean probability of a call"}),
            "yaxis": share_axis(title={"text": "a call is right"}),
            **legend(comparison),
        },
    }


def _row(one: ContestantResult, curve: TimingCurve) -> list[str]:
    brier = one.figures.get("timing.brier")
    at = curve.at_restraint
    return [
        one.name,
        SOURCES[curve.source],
        *cells(curve.area)[1:],
        *(cells(one.figures[metric]).score for metric in ("timing.recall", "timing.restraint")),
        cells(brier).score if brier else NOTHING,
        NOTHING if curve.calibration_error is None else f"{curve.calibration_error * 100:.1f}",
        NOTHING if at is None else f"recall {cells(at.recall).score} above {at.threshold:g} ({at.fitted_on})",
    ]
