"""Computes a `Comparison`: all figures that a summary, a report or a gate uses.

Renderers and gates compute no figures. Renderers show the figures of a comparison, and gates check the figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from toolmark.benchmark.data.completions import Completion, Completions
from toolmark.benchmark.data.record import TrainingRecord
from toolmark.benchmark.runs.calibration import Calibration
from toolmark.benchmark.scoring.causes import Cause
from toolmark.benchmark.scoring.judged import Judged
from toolmark.benchmark.scoring.metric_sets import metrics_of, primary_of
from toolmark.benchmark.scoring.metrics import AT_RESTRAINT, AUROC, BALANCED, Metric, MetricInfo, case_values
from toolmark.benchmark.verdicts.auroc import PairedScores, recipe_area
from toolmark.benchmark.verdicts.compared_curves import paired_scores, timing_curves
from toolmark.benchmark.verdicts.fairness import Mismatch, mismatches, unproven_base
from toolmark.benchmark.verdicts.figure import Figure, figure_of
from toolmark.benchmark.verdicts.intervals import balanced
from toolmark.benchmark.verdicts.recipe_verdicts import RecipeResult, RecipeTest, decide_recipes, recipe_figure
from toolmark.benchmark.verdicts.report_data import ReportData
from toolmark.benchmark.verdicts.timing_curve import TimingCurve
from toolmark.benchmark.verdicts.verdict import MARGIN, Difference, Paired, decide, pair

__all__ = ["Comparison", "ContestantResult", "Figure", "Side", "compare_sides"]


@dataclass(frozen=True, slots=True)
class Side:
    """The judged answers of one contestant, from which a comparison is computed.

    Attributes:
        name: Name of the contestant, unique among the sides.
        grades: One grade for each completion.
        completions: Completions of the judged cases. Reports show them and count their tokens. Identical completions of
            two sides make a metric `equivalent`.
        baseline: Name of the side that this side is compared with. None if this side has no baseline.
        run: Name of the run's directory.
        identity: Identity of the run: everything that can change its completions.
        environment: Environment of the run: versions, device, threads and batch layout.
        training: Training record of the weights. None if there is no record.
        calibration: The threshold with 90% restraint on dev cases. None if it was not fitted.
        recipe: Name of the recipe that made the adapter. Sides with the same name are judged as trainings of one
            recipe. Empty if there is no recipe.
    """

    name: str
    grades: Sequence[Judged]
    completions: Completions = field(default_factory=dict)
    baseline: str | None = None
    run: str = ""
    identity: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    training: TrainingRecord | None = None
    calibration: Calibration | None = None
    recipe: str = ""


@dataclass(frozen=True, slots=True)
class ContestantResult:
    """All figures of one contestant.

    Attributes:
        name: Name of the contestant, unique in a comparison.
        run: Name of the run's directory.
        identity: Identity of the run: everything that can change its completions.
        environment: Environment of the run: versions, device, threads and batch layout.
        cases: Number of cases that were judged.
        waived: Number of judged cases that no metric includes, because the case itself is wrong.
        causes: Number of completions for each cause of failure.
        forgiven: Number of completions that are right only in the lenient reading, for each mistake that this reading
            accepts. A completion can have several of these mistakes.
        figures: Score for each metric, by the id of the metric.
        differences: Difference from the baseline for each primary metric, by the id of the metric. Empty if there is no
            baseline.
        baseline: Name of the contestant that this contestant is compared with. None if there is no baseline.
        unfair: Conditions that differ between the contestant and its baseline, such as the dialect or a version.
        training: Training record of the weights. None if there is no record.
        unproven: The reason why the adapter was perhaps trained on another base. Empty if the base is verified.
        timing: The timing curve. None if the answers do not show how likely a call was.
    """

    name: str
    run: str
    identity: Mapping[str, Any]
    environment: Mapping[str, Any]
    cases: int
    waived: int
    causes: Mapping[Cause, int]
    figures: Mapping[str, Figure]
    differences: Mapping[str, Difference] = field(default_factory=dict)
    baseline: str | None = None
    unfair: tuple[Mismatch, ...] = ()
    training: TrainingRecord | None = None
    unproven: str = ""
    forgiven: Mapping[str, int] = field(default_factory=dict)
    timing: TimingCurve | None = None

    def difference(self, metric: str) -> Difference | None:
        """Return the difference of a metric from the baseline, also of a metric that is in no family of tests."""
        if metric == AUROC.id:
            return None if self.timing is None else self.timing.difference
        return self.differences.get(metric)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The figures of all contestants.

    Attributes:
        contestants: The contestants, in the order in which they are shown.
        metrics: All metrics in the order in which they are shown. Primary metrics come first.
        margin: Differences between -margin and +margin count as equivalent. 0.05 means 5 points.
        report: The additional data of a report. None if no report was requested.
        recipes: The verdicts about recipes with several seeds. The verdicts of contestants are about single adapters.
    """

    contestants: tuple[ContestantResult, ...]
    metrics: tuple[MetricInfo, ...]
    margin: float = MARGIN
    report: ReportData | None = None
    recipes: tuple[RecipeResult, ...] = ()

    def __getitem__(self, name: str) -> ContestantResult:
        """Return the contestant with this name.

        Raises:
            KeyError: No contestant has this name.
        """
        for contestant in self.contestants:
            if contestant.name == name:
                return contestant
        raise KeyError(name)

    @property
    def primary(self) -> tuple[MetricInfo, ...]:
        """Return the metrics that get verdicts."""
        return tuple(metric for metric in self.metrics if metric.level == "primary")

    @property
    def compared(self) -> tuple[ContestantResult, ...]:
        """Return the contestants that have a baseline."""
        return tuple(contestant for contestant in self.contestants if contestant.baseline is not None)

    def baseline_of(self, contestant: ContestantResult) -> ContestantResult | None:
        """Return the contestant that `contestant` is compared with. None if there is no baseline."""
        return None if contestant.baseline is None else self[contestant.baseline]

    def position(self, name: str) -> int:
        """Return the position of a contestant, from 0. Charts choose the colour of a contestant by its position.

        Raises:
            KeyError: No contestant has this name.
        """
        return [contestant.name for contestant in self.contestants].index(self[name].name)


def _balanced(figures: Mapping[str, Figure]) -> Mapping[str, Figure]:
    """Return the figure of balanced timing by its id. Return nothing if the metrics are those of conversations."""
    if "timing.recall" not in figures:
        return {}
    recall, restraint = figures["timing.recall"], figures["timing.restraint"]
    if recall.score is None or restraint.score is None or recall.interval is None or restraint.interval is None:
        return {BALANCED.id: Figure(0)}
    score, interval = balanced(recall.score, recall.interval, restraint.score, restraint.interval)
    return {BALANCED.id: Figure(recall.n + restraint.n, score, interval)}


def _paired(sides: Mapping[str, Side], primary: Sequence[Metric]) -> Mapping[str, Mapping[str, Paired]]:
    """Return the values paired with the baseline: first by name of the side, and then by id of the primary metric."""
    paired: dict[str, dict[str, Paired]] = {}
    for side in sides.values():
        if side.baseline is not None:
            base = sides[side.baseline]
            same = _same(base, side)
            paired[side.name] = {
                metric.id: pair(case_values(metric, base.grades), case_values(metric, side.grades), identical=same)
                for metric in primary
            }
    return paired


def _of_recipes(
    sides: Mapping[str, Side], paired: Mapping[str, Mapping[str, Paired]]
) -> Mapping[str, Mapping[str, Mapping[str, Paired]]]:
    """Return the paired values of the recipes with several trainings: by recipe, side and metric."""
    found: dict[str, dict[str, Mapping[str, Paired]]] = {}
    for name, metrics in paired.items():
        if sides[name].recipe:
            found.setdefault(sides[name].recipe, {})[name] = metrics
    return {recipe: trainings for recipe, trainings in found.items() if len(trainings) > 1}


def _same(one: Side, other: Side) -> bool:
    """Return whether both sides gave the same completions to their common cases, in every epoch of both sides."""
    base, candidate = one.completions, other.completions
    cases = {case_id for case_id, _ in base} & {case_id for case_id, _ in candidate}
    answers = [key for key in base.keys() | candidate.keys() if key[0] in cases]
    return bool(answers) and all(
        key in base and key in candidate and _equal(base[key], candidate[key]) for key in answers
    )


def _equal(one: Completion, other: Completion) -> bool:
    """Return whether two completions are the same. A stop reason that is not known is equal to every other one."""
    reasons = {one.stop_reason, other.stop_reason}
    same_end = len(reasons) == 1 or "unknown" in reasons
    return same_end and one.text == other.text and one.tool_calls == other.tool_calls


def compare_sides(sides: Sequence[Side], margin: float = MARGIN, report: ReportData | None = None) -> Comparison:
    """Return a comparison with all its figures.

    Args:
        sides: One side for each contestant, in the order in which contestants are shown. The names are unique.
        margin: Differences between -margin and +margin count as equivalent. 0.05 means 5 points.
        report: The additional data of a report.
    """
    every = [grade for side in sides for grade in side.grades]
    metrics, primary = metrics_of(every), primary_of(every)
    by_name = {side.name: side for side in sides}
    paired = _paired(by_name, primary)
    differences = dict(zip(paired, decide(list(paired.values()), margin), strict=True))
    grades = {side.name: side.grades for side in sides}
    scores = paired_scores(
        grades,
        {side.name: side.baseline for side in sides if side.baseline is not None},
        {name for name, metrics in paired.items() if any(one.identical for one in metrics.values())},
    )
    curves = timing_curves(
        grades,
        scores,
        differences,
        margin,
        {side.name: side.calibration for side in sides if side.calibration is not None},
    )
    at_restraint = any(curve.at_restraint for curve in curves.values())
    contestants = []
    for side in sides:
        figures = {metric.id: figure_of(metric, side.grades) for metric in metrics}
        curve = curves.get(side.name)
        if curves:
            figures[AUROC.id] = curve.area if curve else Figure(0)
        if at_restraint:
            figures[AT_RESTRAINT.id] = curve.at_restraint.recall if curve and curve.at_restraint else Figure(0)
        base = None if side.baseline is None else by_name[side.baseline]
        counted = [grade for grade in side.grades if grade.waived is None]
        contestants.append(
            ContestantResult(
                name=side.name,
                run=side.run,
                identity=side.identity,
                environment=side.environment,
                cases=len({grade.case_id for grade in side.grades}),
                waived=len({grade.case_id for grade in side.grades if grade.waived is not None}),
                causes=Counter(grade.cause for grade in counted if grade.cause is not None),
                figures={**figures, **_balanced(figures)},
                differences=differences.get(side.name, {}),
                baseline=side.baseline,
                unfair=() if base is None else mismatches(_fingerprint(base), _fingerprint(side)),
                training=side.training,
                unproven=unproven_base(side.identity, side.training),
                forgiven=Counter(
                    mistake
                    for grade in counted
                    if grade.correct_leniently and not grade.correct
                    for mistake in grade.forgiven
                ),
                timing=curve,
            )
        )
    shown = [metric.info for metric in metrics]
    if contestants and BALANCED.id in contestants[0].figures:
        of_curves = [*([AUROC] if curves else []), *([AT_RESTRAINT] if at_restraint else [])]
        shown[len(primary) : len(primary)] = [BALANCED, *of_curves]
    comparison = Comparison(tuple(contestants), tuple(shown), margin, report)
    trainings = _of_recipes(by_name, paired)
    recipes = decide_recipes(trainings, margin, _areas(trainings, scores))
    return replace(comparison, recipes=tuple(_with_scores(recipe, comparison) for recipe in recipes))


def _areas(recipes: Mapping[str, Collection[str]], scores: Mapping[str, PairedScores]) -> dict[str, RecipeTest]:
    """Return the test of the area under the timing curve, for each recipe whose trainings all have a curve."""
    found: dict[str, RecipeTest] = {}
    for recipe, trainings in recipes.items():
        if all(name in scores for name in trainings):
            area = recipe_area([scores[name] for name in trainings])
            if area is not None:
                found[recipe] = area
    return found


def _with_scores(recipe: RecipeResult, comparison: Comparison) -> RecipeResult:
    """Return the result of a recipe with its baseline and its scores."""
    results = [comparison[name] for name in recipe.trainings]
    figures = {
        metric.id: recipe_figure([one.figures[metric.id] for one in results])
        for metric in comparison.metrics
        if metric.level == "primary" or metric.id in (BALANCED.id, AUROC.id)
    }
    return replace(recipe, baseline=str(results[0].baseline), figures=figures)


def _fingerprint(side: Side) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    return side.identity, side.environment
