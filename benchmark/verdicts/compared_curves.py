"""Computes the timing curves of all contestants, and compares each with the curve of its baseline.

All areas of a comparison come from the same source of scores, if there is a source that all contestants with a curve
have. So the difference of two areas in a table is the difference that gets the verdict.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from toolmark.benchmark.runs.calibration import Calibration
from toolmark.benchmark.scoring.call_scores import SOURCES, ScoreSource, call_scores, score_sources
from toolmark.benchmark.scoring.judged import Judged
from toolmark.benchmark.verdicts.auroc import PairedScores, area_figure, decide_areas, pair_scores
from toolmark.benchmark.verdicts.curve_sentence import curve_sentence
from toolmark.benchmark.verdicts.timing_curve import (
    TimingCurve,
    at_threshold,
    calibration_error,
    curve_points,
    reliability,
)
from toolmark.benchmark.verdicts.verdict import Difference

__all__ = ["paired_scores", "timing_curves"]


def paired_scores(
    grades: Mapping[str, Sequence[Judged]], baselines: Mapping[str, str], identical: Collection[str]
) -> dict[str, PairedScores]:
    """Return the paired scores of each contestant and its baseline, by the name of the contestant.

    A contestant is left out if the two sides have no scores, or scores from different sources.

    Args:
        grades: The grades by the name of the contestant.
        baselines: The name of the baseline by the name of the contestant. Contestants without a baseline are left out.
        identical: Names of the contestants with the same completions as their baseline.
    """
    paired = {}
    sources = _sources(grades)
    for name, base in baselines.items():
        if name in sources and sources[name] == sources.get(base):
            both = [call_scores(grades[side], sources[name]) for side in (base, name)]
            paired[name] = pair_scores(both[0], both[1], identical=name in identical)
    return paired


def _sources(grades: Mapping[str, Sequence[Judged]]) -> dict[str, ScoreSource]:
    """Return the source of the scores of each contestant, without the contestants that have no source.

    This is the best source that all of them have. If there is none, each contestant has its own best source.
    """
    known = {name: found for name, rows in grades.items() if (found := score_sources(rows))}
    common = [source for source in SOURCES if all(source in found for found in known.values())]
    return {name: (*common, *found)[0] for name, found in known.items()}


def timing_curves(
    grades: Mapping[str, Sequence[Judged]],
    paired: Mapping[str, PairedScores],
    differences: Mapping[str, Mapping[str, Difference]],
    margin: float,
    calibrations: Mapping[str, Calibration] | None = None,
) -> dict[str, TimingCurve]:
    """Return the timing curves by the name of the contestant.

    A contestant has no curve if its answers do not show how likely a call was, or if all its cases are of one kind.

    Args:
        grades: The grades by the name of the contestant.
        paired: The result of `paired_scores`.
        differences: The differences of the primary metrics, by the name of the contestant.
        margin: Differences between -margin and +margin count as equivalent.
        calibrations: The thresholds with 90% restraint on dev cases, by the name of the contestant. A contestant whose
            threshold is not known is left out.
    """
    known = calibrations or {}
    alone = {name: _alone(grades[name], source, known.get(name)) for name, source in _sources(grades).items()}
    curves = {name: curve for name, curve in alone.items() if curve is not None}
    compared = {name: scores for name, scores in paired.items() if name in curves}
    for name, area in decide_areas(compared, margin).items():
        scores, points = paired[name], differences[name]
        moved = points["timing.recall"], points["timing.restraint"]
        sentence = curve_sentence(scores.base, scores.candidate, area, *moved, margin) if area.n else ""
        curves[name] = replace(curves[name], difference=area, sentence=sentence)
    return curves


def _alone(grades: Sequence[Judged], source: ScoreSource, calibration: Calibration | None) -> TimingCurve | None:
    """Return the curve of one contestant, without a difference. None if all cases are of one kind."""
    scores = call_scores(grades, source)
    figure = area_figure(scores)
    if not figure.n:
        return None
    curve = TimingCurve(source, figure, curve_points(scores))
    if "probability" not in score_sources(grades):
        return curve
    scores = call_scores(grades, "probability")
    bins = reliability(scores)
    at_restraint = None if calibration is None else at_threshold(scores, calibration)
    return replace(curve, bins=bins, calibration_error=calibration_error(bins), at_restraint=at_restraint)
