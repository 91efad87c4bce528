"""Computes verdicts about a recipe: whether an adapter that the recipe makes is better than the base.

A verdict about an adapter says nothing about the next training with the same recipe and another seed. A verdict about a
recipe is also about the next training, because it treats both trainings and cases as random. Let D be the differences
from the base. D has one row for each of S trainings, and one column for each case. The cases are in G clusters.

    a = (variance of the row means) / S                      the part of the trainings
    b = cluster-robust variance of the mean of the columns   the part of the cases
    half of the width of the interval = sqrt((t(S-1)·sqrt(a))² + (t(G-1)·sqrt(b))²)

Each part is multiplied by its own quantile of the t distribution. Then both are joined as in MOVER (Zou & Donner 2008,
Stat. Med. 27:1693). Clark (1973, J. Verbal Learning & Verbal Behavior 12:335) explains why two such factors must both
be treated as random. His test, min F', is not used here: with three trainings that differ much, its 95% interval covers
only 93%. The noise of single answers is counted in both parts, so the interval of this module is a little too wide. The
p-value is the level at which the interval ends at 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.special import stdtrit

from toolmark.benchmark.scoring.metrics import AUROC
from toolmark.benchmark.verdicts.figure import Figure
from toolmark.benchmark.verdicts.intervals import Interval, cluster_t, difference_interval
from toolmark.benchmark.verdicts.signflip import cluster_sums, sign_flip
from toolmark.benchmark.verdicts.verdict import Paired, Verdict, adjust, overlap_of, verdict_of

__all__ = [
    "RecipeDifference",
    "RecipeResult",
    "RecipeTest",
    "decide_recipes",
    "recipe_difference",
    "recipe_figure",
    "recipe_test",
]

_SMALLEST_P = 1e-12
"""A smaller p-value is reported as this number."""

_NO_VARIANCE = 1e-18
"""A variance below this value is only a rounding error."""


@dataclass(frozen=True, slots=True)
class RecipeDifference:
    """The difference of one metric between the adapters of a recipe and their base.

    Attributes:
        n: Number of cases for which the base and every adapter have a value.
        effect: Mean difference over trainings and cases.
        interval: 95% interval for another training and other cases, not corrected for the number of metrics.
        between: Standard deviation of the mean differences of the trainings.
        p: p-value, without correction.
        adjusted: p-value with Holm's correction.
        verdict: The verdict about the recipe.
        reason: Why the verdict is `inconclusive`. Empty if the figures show the reason.
    """

    n: int
    effect: float
    interval: Interval
    between: float
    p: float
    adjusted: float
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RecipeResult:
    """The figures of a recipe with several trainings.

    Attributes:
        name: Name of the recipe.
        trainings: Names of the contestants, one for each training.
        differences: Difference from the base by metric. A metric without a common case is left out.
        baseline: Name of the contestant with which the trainings are compared.
        figures: Mean score of the trainings by metric.
    """

    name: str
    trainings: tuple[str, ...]
    differences: Mapping[str, RecipeDifference]
    baseline: str = ""
    figures: Mapping[str, Figure] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecipeTest:
    """The figures of one metric of a recipe, without correction and verdict.

    Attributes:
        n: Number of cases.
        effect: Mean difference over trainings and cases.
        wide: 95% interval.
        narrow: 90% interval.
        between: Standard deviation of the mean differences of the trainings.
        p: p-value.
        overlap: The share of the cases that the base and a training both have. The lowest share of all trainings.
        unchanged: Whether every training gave the same completions as the base, and every value is the same.
    """

    n: int
    effect: float
    wide: Interval
    narrow: Interval
    between: float
    p: float
    overlap: float = 1.0
    unchanged: bool = False

    def paired_as(self, trainings: Sequence[Paired], gains: Iterable[Sequence[float]]) -> RecipeTest:
        """Return this test with the overlap of the paired values of the trainings, and whether nothing changed.

        Args:
            trainings: The paired values of each training.
            gains: For each training, how much better than the base it is in each case.
        """
        overlap = min(overlap_of([one]) for one in trainings)
        unchanged = all(one.identical for one in trainings) and not any(any(of_cases) for of_cases in gains)
        return replace(self, overlap=overlap, unchanged=unchanged)


def recipe_difference(trainings: Sequence[Sequence[float]], clusters: Sequence[str]) -> RecipeTest:
    """Return the figures of one metric.

    Args:
        trainings: The differences from the base, in [-1, 1], shape (S, n). There are at least two trainings, and at
            least one case.
        clusters: The cluster of each case, shape (n,).
    """
    values = np.asarray(trainings, dtype=float)
    columns = values.mean(0).tolist()
    effect, groups = float(values.mean()), len(set(clusters))
    spread = (cluster_t(columns, clusters).high - effect) / float(stdtrit(max(1, groups - 1), 0.975))
    found = recipe_test(values.mean(1).tolist(), spread, groups - 1, len(columns))
    if found is None:  # All differences are equal. The test and the interval of one adapter fit, too.
        wide, narrow = (difference_interval(columns, clusters, level) for level in (0.95, 0.90))
        return RecipeTest(len(columns), effect, wide, narrow, 0.0, sign_flip(cluster_sums(columns, clusters)))
    return found


def recipe_test(effects: Sequence[float], spread: float, freedom: int, n: int) -> RecipeTest | None:
    """Join the part of the trainings and the part of the cases. Return None if both variances are 0.

    Args:
        effects: The mean difference of each training from the base, shape (S,), with at least two trainings.
        spread: Standard error of the mean of `effects` because of the cases. It can be infinite.
        freedom: Degrees of freedom of `spread`.
        n: Number of cases.
    """
    effect, between, count = float(np.mean(effects)), float(np.std(effects, ddof=1)), len(effects)
    of_trainings = between / math.sqrt(count)
    if math.isinf(spread):
        return RecipeTest(n, effect, Interval(-1, 1, "none"), Interval(-1, 1, "none"), between, 1.0)
    if of_trainings**2 + spread**2 < _NO_VARIANCE:
        return None

    def half(level: float) -> float:
        """Return half of the width of the interval whose two tails have this probability."""
        tail = level / 2
        return math.hypot(float(stdtrit(count - 1, tail)) * of_trainings, float(stdtrit(freedom, tail)) * spread)

    def interval(confidence: float) -> Interval:
        width = half(1 - confidence)
        return Interval(max(-1.0, effect - width), min(1.0, effect + width), "mover")

    p = _SMALLEST_P
    if half(p) > abs(effect):
        from scipy.optimize import brentq  # imported here, because this import takes long

        p = math.exp(brentq(lambda log: half(math.exp(log)) - abs(effect), math.log(p), 0.0))
    return RecipeTest(n, effect, interval(0.95), interval(0.90), between, p)


def recipe_figure(figures: Sequence[Figure]) -> Figure:
    """Return the mean score of the trainings of a recipe, with a 95% interval for another training and other cases.

    The two parts of the interval are joined as in `recipe_difference`. The part of the cases is the mean distance from
    the scores to the ends of their own intervals. The scores are shares, so the interval is cut to [0, 1].

    Args:
        figures: The scores of at least two trainings on one metric.
    """
    known = [(one.score, one.interval) for one in figures if one.score is not None and one.interval is not None]
    if len(known) < len(figures):
        return Figure(0)
    scores = np.array([score for score, _ in known])
    lower = float(np.mean([score - interval.low for score, interval in known]))
    upper = float(np.mean([interval.high - score for score, interval in known]))
    mean = float(scores.mean())
    of_trainings = float(stdtrit(len(scores) - 1, 0.975) * scores.std(ddof=1)) / math.sqrt(len(scores))
    low, high = mean - math.hypot(of_trainings, lower), mean + math.hypot(of_trainings, upper)
    return Figure(min(one.n for one in figures), mean, Interval(max(0.0, low), min(1.0, high), "mover"))


def decide_recipes(
    recipes: Mapping[str, Mapping[str, Mapping[str, Paired]]],
    margin: float,
    areas: Mapping[str, RecipeTest] | None = None,
) -> tuple[RecipeResult, ...]:
    """Return the results of recipes, with verdicts.

    Holm's correction uses the same families of tests as for adapters. The rules for the overlap and for identical
    completions are also the same (`decide`).

    Args:
        recipes: For each recipe and each of its trainings, the paired values of the primary metrics by id. Each recipe
            has at least two trainings.
        margin: Differences between -margin and +margin count as equivalent.
        areas: The test of the area under the timing curve, for each recipe whose trainings have such a curve. As for
            adapters, these tests are a family of their own.
    """
    tested, of_areas = [_tested(trainings) for trainings in recipes.values()], areas or {}
    adjusted_areas = dict(zip(of_areas, adjust([{AUROC.id: one} for one in of_areas.values()]), strict=True))
    results = []
    for (name, trainings), metrics, adjusted in zip(recipes.items(), tested, adjust(tested), strict=True):
        overlap = min(overlap_of(list(paired.values())) for paired in trainings.values())
        differences = {metric: _decided(one, adjusted[metric], overlap, margin) for metric, one in metrics.items()}
        if name in of_areas:
            differences[AUROC.id] = _decided(of_areas[name], adjusted_areas[name][AUROC.id], 1.0, margin)
        results.append(RecipeResult(name, tuple(trainings), differences))
    return tuple(results)


def _decided(one: RecipeTest, p: float, overlap: float, margin: float) -> RecipeDifference:
    within = one.unchanged or one.narrow.inside(margin)
    verdict, reason = verdict_of(one.effect, p, within=within, overlap=min(overlap, one.overlap))
    return RecipeDifference(one.n, one.effect, one.wide, one.between, one.p, p, verdict, reason)


def _tested(trainings: Mapping[str, Mapping[str, Paired]]) -> dict[str, RecipeTest]:
    found: dict[str, RecipeTest] = {}
    first = next(iter(trainings.values()))
    for metric in first:
        paired = [metrics[metric] for metrics in trainings.values()]
        values = [dict(zip(one.case_ids, one.differences, strict=True)) for one in paired]
        common = [case_id for case_id in values[0] if all(case_id in one for one in values)]
        cluster_of = dict(zip(paired[0].case_ids, paired[0].clusters, strict=True))
        if common:
            rows = [[one[case_id] for case_id in common] for one in values]
            test = recipe_difference(rows, [cluster_of[case_id] for case_id in common])
            found[metric] = test.paired_as(paired, rows)
    return found
