"""Tests the sign-flip test (binomial test, enumeration) and Holm (its definition), and both against statsmodels."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from toolmark.benchmark.verdicts.holm import holm
from toolmark.benchmark.verdicts.signflip import cluster_sums, sign_flip


def enumerated(sums: list[Fraction]) -> float:
    totals = [sum(choice) for choice in product(*((value, -value) for value in sums))]
    return sum(abs(total) >= abs(sum(sums)) for total in totals) / len(totals)


@given(wins=st.integers(0, 300), losses=st.integers(0, 300))
def test_with_one_case_in_each_cluster_it_is_exact_mcnemar(wins: int, losses: int) -> None:
    expected = binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
    assert sign_flip([1] * wins + [0, 0] + [-1] * losses) == pytest.approx(expected, rel=1e-9)


SUMS = st.lists(st.fractions(-4, 4, max_denominator=6), max_size=10)


@given(sums=SUMS)
def test_it_counts_every_choice_of_signs(sums: list[Fraction]) -> None:
    assert sign_flip(sums) == pytest.approx(enumerated(sums), rel=1e-12)


@given(sums=st.lists(st.integers(-4, 4), max_size=400), factor=st.integers(1, 9))
def test_neither_side_nor_unit_nor_order_nor_ties_matter(sums: list[int], factor: int) -> None:
    p = sign_flip(sums)
    assert 0 < p <= 1
    assert sign_flip([-value for value in sums]) == p
    assert sign_flip([Fraction(value * factor, 7) for value in sums]) == p
    assert sign_flip([*sums[::-1], 0, 0]) == p


@given(sums=st.lists(st.integers(1, 4), min_size=1, max_size=60), data=st.data())
def test_the_further_from_nothing_the_smaller_the_p(sums: list[int], data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(sums))))
    signed = list(sums)
    before = sign_flip(signed)
    for index in order:
        if sum(signed) - 2 * sums[index] < 0:
            break
        signed[index] = -signed[index]
        after = sign_flip(signed)
        assert after >= before - 1e-12
        before = after


@pytest.mark.parametrize("sums", [[], [0, 0], [1, -1], [2, -1, -1], [3], [Fraction(1, 3)] * 2 + [Fraction(-2, 3)]])
def test_ties_prove_nothing(sums: list[Fraction]) -> None:
    assert sign_flip(sums) == 1


def test_thousands_of_clusters_and_tiny_p_values() -> None:
    assert sign_flip([1] * 200) == pytest.approx(2.0**-199, rel=1e-12)
    wins = [4, 3, 2, 1] * 800
    losses = [-4, -3, -2, -1] * 700
    # Nearly normal in the middle: 15,000 steps of variance 7.5 for 6,000 clusters; the total is 1,000 above zero.
    assert sign_flip(wins + losses) == pytest.approx(2.5e-6, rel=0.1)


def test_values_without_a_common_unit_never_get_a_smaller_p() -> None:
    # Primes as denominators have no common multiple that could be convolved.
    primes = [9973, 9967, 9949, 9941, 9931, 9929, 9923, 9907, 9901, 9887, 9883, 9871]
    sums = [Fraction(prime // (2 + index % 3), prime) for index, prime in enumerate(primes)]
    sums[3] = -sums[3]
    exact = enumerated(sums)
    assert exact <= sign_flip(sums) <= exact + 0.002


def test_sums_are_exact() -> None:
    third = 1 / 3
    sums = cluster_sums([third, third, -2 / 3, 0.1, 0.2, -0.3, 1.0], ["a", "a", "a", "b", "b", "b", "c"])
    assert sums == [0, 0, 1]
    assert cluster_sums([], []) == []
    assert cluster_sums([5 / 7 - 2 / 9], ["a"]) == [Fraction(31, 63)]


@given(p_values=st.lists(st.floats(0, 1), max_size=40))
def test_holm_is_its_definition(p_values: list[float]) -> None:
    """The largest of (n - rank) p over all p that are no larger, and at most 1 (Holm 1979)."""
    ranked = sorted(p_values)
    stepped = [min(1.0, (len(ranked) - rank) * p) for rank, p in enumerate(ranked)]
    assert holm(p_values) == pytest.approx([max(stepped[: ranked.index(p) + 1]) for p in p_values])


@pytest.mark.slow
def test_both_are_statsmodels() -> None:
    from statsmodels.stats.contingency_tables import mcnemar
    from statsmodels.stats.multitest import multipletests

    @given(p_values=st.lists(st.floats(0, 1), min_size=1, max_size=40))
    def adjusted(p_values: list[float]) -> None:
        assert holm(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]))

    @given(wins=st.integers(0, 300), losses=st.integers(1, 300))
    def tested(wins: int, losses: int) -> None:
        expected = mcnemar([[5, wins], [losses, 5]], exact=True).pvalue
        assert sign_flip([1] * wins + [-1] * losses) == pytest.approx(expected, rel=1e-9)

    adjusted()
    tested()


def test_holm_by_hand() -> None:
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.04]) == [0.04]
