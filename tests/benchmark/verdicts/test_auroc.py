"""The area under the timing curve: its value, its variance and its verdict, against other computations."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import stdtrit
from scipy.stats import mannwhitneyu

from studies.timing_areas import AREAS, AreaTruth, area_errors, random_scores
from toolmark.benchmark.scoring.call_scores import CallScore
from toolmark.benchmark.verdicts.auroc import area, area_difference, area_figure, decide_areas, pair_scores, recipe_area

# Ovarian cancer, 43 patients (DeLong et al. 1988): albumin, total protein, K-G score, and whether surgery helped. The
# manual of SAS/STAT lists them as its example of a comparison of ROC curves.
PATIENTS = """
3.0 5.8 10 0, 3.2 6.3 5 1, 3.9 6.8 3 1, 2.8 4.8 6 0, 3.2 5.8 3 1, 0.9 4.0 5 0, 2.5 5.7 8 0, 1.6 5.6 5 1, 3.8 5.7 5 1,
3.7 6.7 6 1, 3.2 5.4 4 1, 3.8 6.6 6 1, 4.1 6.6 5 1, 3.6 5.7 5 1, 4.3 7.0 4 1, 3.6 6.7 4 0, 2.3 4.4 6 1, 4.2 7.6 4 0,
4.0 6.6 6 0, 3.5 5.8 6 1, 3.8 6.8 7 1, 3.0 4.7 8 0, 4.5 7.4 5 1, 3.7 7.4 5 1, 3.1 6.6 6 1, 4.1 8.2 6 1, 4.3 7.0 5 1,
4.3 6.5 4 1, 3.2 5.1 5 1, 2.6 4.7 6 1, 3.3 6.8 6 0, 1.7 4.0 7 0, 3.7 6.1 5 1, 3.3 6.3 7 1, 4.2 7.7 6 1, 3.5 6.2 5 1,
2.9 5.7 9 0, 2.1 4.8 7 1, 2.8 6.2 8 0, 4.0 7.0 7 1, 3.3 5.7 6 1, 3.7 6.9 5 1, 3.6 6.6 5 1
"""


def scores(values, right, clusters=None) -> list[CallScore]:
    names = range(len(values)) if clusters is None else clusters
    return [CallScore(str(at), str(name), bool(kind), float(value))
            for at, (value, kind, name) in enumerate(zip(values, right, names, strict=True))]  # fmt: skip


def delong(one: list[CallScore], other: list[CallScore]) -> float:
    """The variance of a difference of two areas as DeLong et al. write it, from all pairs of two cases."""
    placed = []
    for side in (one, other):
        calls, others = ([each.score for each in side if each.right == kind] for kind in (True, False))
        placed.append(np.array([[(x > y) + (x == y) / 2 for y in others] for x in calls]))
    with_call, without = (np.cov([kernel.mean(axis) for kernel in placed]) for axis in (1, 0))
    covariance = with_call / placed[0].shape[0] + without / placed[0].shape[1]
    return float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])


def test_the_published_example_of_correlated_areas():
    rows = [list(map(float, row.split())) for row in PATIENTS.split(",")]
    helped = [row[3] == 1 for row in rows]
    # A low K-G score is good.
    albumin, protein, score = (
        scores([sign * row[at] for row in rows], helped) for at, sign in ((0, 1), (1, 1), (2, -1))
    )
    assert [area(side) for side in (albumin, protein, score)] == pytest.approx([0.73656, 0.64785, 0.72581], abs=5e-6)
    # The contrasts with the K-G score as the manual prints them: difference, standard error and chi-square.
    for other, printed in ((albumin, (0.0108, 0.0953, 0.0127)), (protein, (-0.0780, 0.1046, 0.5554))):
        found = area_difference(score, other)
        error = found._spread.error
        assert (found.effect, error, (found.effect / error) ** 2) == pytest.approx(printed, abs=5e-5)
    for one, other in ((score, albumin), (score, protein), (albumin, protein)):
        found = area_difference(one, other)
        assert found._spread.error**2 == pytest.approx(delong(one, other))
        half = found.interval().high - found.effect
        assert half / found._spread.error == pytest.approx(stdtrit(min(sum(helped), 43 - sum(helped)) - 1, 0.975))


def test_the_example_of_scikit_learn():
    assert area(scores([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])) == 0.75


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=40))
def test_the_area_is_the_statistic_of_mann_and_whitney(rows):
    right = [kind for _, kind in rows]
    if len(set(right)) < 2:
        with pytest.raises(ValueError, match="needs cases"):
            area(scores(*zip(*rows, strict=True)))
        return
    calls, others = ([value for value, kind in rows if kind == each] for each in (True, False))
    expected = mannwhitneyu(calls, others).statistic / len(calls) / len(others)
    assert area(scores(*zip(*rows, strict=True))) == pytest.approx(expected)


@pytest.mark.parametrize("clusters", [0.0, 0.5])
def test_the_standard_error_is_that_of_a_bootstrap_of_clusters(clusters):
    base, candidate = random_scores(np.random.default_rng(3), AreaTruth(240, 0.8, 1.2, clusters=clusters, ties=True))
    members: dict[str, list[int]] = {}
    for at, one in enumerate(base):
        members.setdefault(one.cluster, []).append(at)
    groups, random, effects = list(members.values()), np.random.default_rng(0), []
    for _ in range(600):
        drawn = [at for group in random.integers(len(groups), size=len(groups)) for at in groups[group]]
        sides = [
            scores([side[at].score for at in drawn], [side[at].right for at in drawn]) for side in (base, candidate)
        ]
        effects.append(area(sides[1]) - area(sides[0]))
    assert area_difference(base, candidate)._spread.error == pytest.approx(float(np.std(effects)), rel=0.12)


def test_copies_of_cases_do_not_narrow_the_interval():
    sides = random_scores(np.random.default_rng(5), AreaTruth(400, 1.0, 1.0))
    copies = [[replace(one, case_id=f"{one.case_id}/{copy}") for one in side for copy in range(4)] for side in sides]
    assert area_difference(*copies)._spread.error == pytest.approx(area_difference(*sides)._spread.error)


def test_perfect_and_equal_scores_still_have_an_interval():
    perfect = scores([0.9] * 20 + [0.1] * 30, [1] * 20 + [0] * 30)
    figure = area_figure(perfect)
    assert figure.score == figure.interval.high == 1
    assert 0.8 < figure.interval.low < 0.9
    same = area_difference(perfect, perfect)
    assert (same.effect, same.p) == (0, 1)
    assert same.interval().high == pytest.approx(1.96**2 / (20 + 1.96**2), abs=1e-3)
    turned = area_difference(scores([1 - one.score for one in perfect], [one.right for one in perfect]), perfect)
    assert turned.effect == 1
    assert turned.p < 1e-5


def test_one_cluster_shows_no_difference():
    one = scores([0.1, 0.9, 0.5], [0, 1, 1], "aaa")
    other = scores([0.9, 0.1, 0.5], [0, 1, 1], "aaa")
    found = area_difference(one, other)
    assert (found.p, found.interval().low, found.interval().high) == (1, -1, 1)
    assert found.minimum_detectable is None


def test_the_area_of_a_recipe_contains_the_chance_of_the_training():
    base, candidate = random_scores(np.random.default_rng(4), AreaTruth(400, 1.0, 1.6))
    (_, other) = random_scores(np.random.default_rng(4), AreaTruth(400, 1.0, 2.2))
    one, two = pair_scores(base, candidate), pair_scores(base, other)
    alone, same, differing = area_difference(base, candidate), recipe_area([one, one]), recipe_area([one, two])
    assert (same.effect, same.between) == (pytest.approx(alone.effect), 0)
    assert (same.wide.low, same.p) == (pytest.approx(alone.interval().low), pytest.approx(alone.p, rel=1e-6))
    effects = [alone.effect, area_difference(base, other).effect]
    assert (differing.effect, differing.between) == (
        pytest.approx(np.mean(effects)),
        pytest.approx(np.std(effects, ddof=1)),
    )
    of_trainings = stdtrit(1, 0.975) * differing.between / math.sqrt(2)
    assert differing.wide.high - differing.effect > of_trainings
    assert recipe_area([pair_scores(base[:1], candidate[:1])] * 2) is None


def verdict_of(truth: AreaTruth, seed: int = 0):
    (found,) = decide_areas({"mine": pair_scores(*random_scores(np.random.default_rng(seed), truth))}).values()
    return found


def test_verdicts():
    assert verdict_of(AreaTruth(1000, 1.0, 2.0)).verdict == "improved"
    assert verdict_of(AreaTruth(1000, 2.0, 1.0)).verdict == "regressed"
    assert verdict_of(AreaTruth(2000, 2.0, 2.0, sides=0.9)).verdict == "equivalent"
    assert verdict_of(AreaTruth(60, 1.0, 1.2)).verdict == "inconclusive"
    better = verdict_of(AreaTruth(1000, 1.0, 2.0))
    assert better.wins > better.losses
    assert better.wins + better.losses + better.ties == better.n == 1000


def test_a_side_with_too_few_common_cases_is_inconclusive():
    base, candidate = random_scores(np.random.default_rng(0), AreaTruth(1000, 1.0, 2.0))
    (found,) = decide_areas({"mine": pair_scores(base, candidate[:900])}).values()
    assert (found.verdict, found.only_base) == ("inconclusive", 100)
    assert "90.0%" in found.reason


@pytest.mark.parametrize("truth", [AreaTruth(200, 1.0, 1.0, clusters=0.4, ties=True), AreaTruth(200, 1.5, 2.5)])
def test_intervals_cover_the_true_difference(truth):
    found = area_errors(truth, 300)
    error = math.sqrt(0.05 * 0.95 / found.comparisons)
    assert found.coverage >= 0.94 - 2 * error
    if truth.base == truth.candidate:
        assert found.rejected <= 0.05 + 2 * error
    else:
        assert found.rejected > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("truth", AREAS)
def test_intervals_cover_the_true_difference_in_every_state(truth):
    found = area_errors(truth, 1000)
    error = math.sqrt(0.05 * 0.95 / found.comparisons)
    assert found.coverage >= 0.94 - 2 * error
    if truth.base == truth.candidate:
        assert found.rejected <= 0.05 + 2 * error
