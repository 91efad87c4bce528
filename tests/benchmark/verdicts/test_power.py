"""Tests power against brute force and simulation, and the minimum detectable effect at its limits."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, multinomial

from toolmark.benchmark.verdicts.power import (
    TARGET,
    mcnemar_power,
    minimum_detectable_effect,
    minimum_detectable_effect_of_clusters,
)
from toolmark.benchmark.verdicts.signflip import sign_flip


def brute_force(n: int, effect: float, discordance: float) -> float:
    """The power as a sum over all tables of wins and losses."""
    d = max(discordance, effect)
    tables = [(wins, losses, n - wins - losses) for wins in range(n + 1) for losses in range(n + 1 - wins)]
    chance = multinomial(n, [(d + effect) / 2, (d - effect) / 2, 1 - d]).pmf(tables)
    found = [wins > losses and binomtest(wins, wins + losses).pvalue <= 0.05 for wins, losses, _ in tables]
    return float(np.sum(chance[found]))


@pytest.mark.parametrize("n", [5, 6, 17, 40])
@pytest.mark.parametrize(("effect", "discordance"), [(0.05, 0.1), (0.2, 0.1), (0.2, 0.2), (0.3, 0.5), (1.0, 0.0)])
def test_power_is_the_sum_over_all_tables(n: int, effect: float, discordance: float) -> None:
    assert mcnemar_power(n, effect, discordance) == pytest.approx(brute_force(n, effect, discordance), abs=1e-9)


@given(n=st.integers(0, 300), effect=st.floats(0, 1), discordance=st.floats(0, 1))
def test_power_is_a_probability_and_rises_with_the_effect(n: int, effect: float, discordance: float) -> None:
    power = mcnemar_power(n, effect, discordance)
    assert 0 <= power <= 1 + 1e-9
    assert mcnemar_power(n, effect / 2, discordance) <= power + 1e-9


@given(n=st.integers(6, 600), discordance=st.floats(0, 1))
def test_the_minimum_detectable_effect_just_reaches_its_power(n: int, discordance: float) -> None:
    found = minimum_detectable_effect(n, discordance)
    assert found is not None
    assert TARGET <= mcnemar_power(n, found, discordance) < TARGET + 0.001
    assert mcnemar_power(n, found - 2e-6, discordance) < TARGET


@pytest.mark.parametrize("n", range(6))
def test_fewer_than_six_cases_show_nothing(n: int) -> None:
    assert minimum_detectable_effect(n, 0.5) is None
    assert minimum_detectable_effect_of_clusters([Fraction(1)] * n, n) is None


def test_with_one_case_in_each_cluster_it_is_the_exact_effect() -> None:
    sums = [Fraction(value) for value in [1] * 7 + [-1] * 5 + [0] * 88]
    assert minimum_detectable_effect_of_clusters(sums, 100) == minimum_detectable_effect(100, 0.12)
    assert minimum_detectable_effect_of_clusters([Fraction(0)] * 100, 100) == minimum_detectable_effect(100, 0.0)


def test_a_cluster_that_changes_as_a_whole_counts_as_one_case() -> None:
    sums = [Fraction(value) for value in [4] * 7 + [-4] * 5 + [0] * 88]
    assert minimum_detectable_effect_of_clusters(sums, 400) == minimum_detectable_effect(100, 0.12)
    halves = [value / 8 for value in sums]
    assert minimum_detectable_effect_of_clusters(halves, 100) == pytest.approx(
        (minimum_detectable_effect(100, 0.12) or math.nan) / 2
    )


def test_too_few_effective_clusters_show_nothing() -> None:
    one_giant = [Fraction(50)] + [Fraction(1)] * 9
    assert minimum_detectable_effect_of_clusters(one_giant, 100) is None


def test_the_effect_of_clusters_is_detected_that_often() -> None:
    # Clusters of four: their sums are drawn once, then again with signs biased by the size of the effect.
    random = np.random.default_rng(7)
    sizes = random.choice([0, 1, 2, 3, 4], 150, p=[0.5, 0.2, 0.15, 0.1, 0.05])
    effect = minimum_detectable_effect_of_clusters([Fraction(int(size)) for size in sizes], 600)
    assert effect is not None
    bias = effect * 600 / sizes.sum()
    found = 0
    for _ in range(2000):
        drawn = random.choice(sizes, len(sizes))
        signs = np.where(random.random(len(sizes)) < (1 + bias) / 2, 1, -1)
        sums = [int(value) for value in drawn * signs]
        found += sum(sums) > 0 and sign_flip(sums) <= 0.05
    assert found / 2000 == pytest.approx(TARGET, abs=0.05)
