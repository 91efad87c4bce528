"""Computes the timing curves of all contestants, and compares each with the curve of its baseline."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from toolmark.benchmark.scoring.call_scores import ScoreSource, call_scores, score_sources
from toolmark.benchmark.scoring.judged import Judged
from toolmark.benchmark.verdicts.auroc import PairedScores, area_figure, decide_areas, pair_scores
from toolmark.benchmark.verdicts.curve_sentence import curve_sentence
from toolmark.benchmark.verdicts.timing_curve import TimingCurve, calibration_error, curve_points, reliability
from toolmark.benchmark.verdicts.verdict import Difference

__all__ = ["timing_curves"]


def timing_curves(
    grades: Mapping[str, Sequence[Judged]],
    baselines: Mapping[str, str],
    identical: Collection[str],
    differences: Mapping[str, Mapping[str, Difference]],
    margin: float,
) -> dict[str, TimingCurve]:
    """Return the timing curves by the name of the contestant.

    A contestant has no curve if its answers do not show how likely a call was, or if all its cases are of one kind.

    Args:
        grades: The grades by the name of the contestant.
        baselines: The name of the baseline by the name of the contestant. Contestants without a baseline are left out.
        identical: Names of the contestants with the same completions as their baseline.
        differences: The differences of the primary metrics, by the name of the contestant.
        margin: Differences between -margin and +margin count as equivalent.
    """
    sources = {name: score_sources(rows) for name, rows in grades.items()}
    alone = {name: _alone(rows, sources[name][0]) for name, rows in grades.items() if sources[name]}
    curves = {name: curve for name, curve in alone.items() if curve is not None}
    paired: dict[str, PairedScores] = {}
    for name in curves:
        base = baselines.get(name)
        common = [source for source in sources[name] if base in curves and source in sources[base]]
        if base is not None and common:
            both = [call_scores(grades[side], common[0]) for side in (base, name)]
            paired[name] = pair_scores(both[0], both[1], identical=name in identical)
    for name, area in decide_areas(paired, margin).items():
        scores, points = paired[name], differences[name]
        moved = points["timing.recall"], points["timing.restraint"]
        sentence = curve_sentence(scores.base, scores.candidate, area, *moved, margin) if area.n else ""
        curves[name] = replace(curves[name], difference=area, sentence=sentence)
    return curves


def _alone(grades: Sequence[Judged], source: ScoreSource) -> TimingCurve | None:
    """Return the curve of one contestant, without a difference. None if all cases are of one kind."""
    scores = call_scores(grades, source)
    figure = area_figure(scores)
    if not figure.n:
        return None
    bins = reliability(scores) if source == "probability" else ()
    return TimingCurve(source, figure, curve_points(scores), bins, calibration_error(bins) if bins else None)
