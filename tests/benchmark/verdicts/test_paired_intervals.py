"""Tests Tango's interval against the score test that it inverts, and the choice of the interval for a difference."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import ndtri, stdtrit, xlogy

from toolmark.benchmark.verdicts.intervals import Interval, difference_interval, tango

CONFIDENCE = st.sampled_from([0.9, 0.95, 0.99])
TABLE = st.integers(1, 400).flatmap(
    lambda n: st.tuples(st.just(n), st.integers(0, n)).flatmap(
        lambda head: st.tuples(st.just(head[0]), st.just(head[1]), st.integers(0, head[0] - head[1]))
    )
)
"""Number of cases, wins and losses."""


def score(n: int, wins: int, losses: int, difference: float) -> float:
    """The score statistic. Its nuisance parameter is found by maximising the likelihood."""

    def unlikelihood(q: float) -> float:
        p, rest = q + difference, 1 - 2 * q - difference
        return -float(xlogy(wins, p) + xlogy(losses, q) + xlogy(n - wins - losses, rest))

    low, high = max(0.0, -difference), (1 - difference) / 2
    q = minimize_scalar(unlikelihood, bounds=(low, high), method="bounded", options={"xatol": 1e-12}).x
    return (wins - losses - n * difference) / math.sqrt(n * (2 * q + difference - difference * difference))


@given(table=TABLE, confidence=CONFIDENCE)
def test_the_ends_of_tango_are_where_the_score_test_turns(table: tuple[int, int, int], confidence: float) -> None:
    found = tango(*table, confidence)
    z = float(ndtri(0.5 + confidence / 2))
    n, wins, losses = table
    if losses < n:
        assert score(*table, found.low) == pytest.approx(z, rel=1e-3)
    if wins < n:
        assert score(*table, found.high) == pytest.approx(-z, rel=1e-3)


@given(table=TABLE, confidence=CONFIDENCE)
def test_tango_holds_its_estimate_and_mirrors(table: tuple[int, int, int], confidence: float) -> None:
    n, wins, losses = table
    found = tango(n, wins, losses, confidence)
    assert -1 <= found.low <= (wins - losses) / n <= found.high <= 1
    assert found.high - found.low > 0
    swapped = tango(n, losses, wins, confidence)
    assert (swapped.low, swapped.high) == (-found.high, -found.low)
    wider = tango(n, wins, losses, 0.995)
    assert wider.low <= found.low
    assert found.high <= wider.high


def test_tango_at_its_edges() -> None:
    assert tango(0, 0, 0) == Interval(-1, 1, "tango")
    z2 = 1.959964**2
    for n in (1, 5, 80, 1300):
        half = z2 / (n + z2)
        nothing, all_won, all_lost = tango(n, 0, 0), tango(n, n, 0), tango(n, 0, n)
        assert (nothing.low, nothing.high) == pytest.approx((-half, half), abs=1e-6)
        assert (all_won.low, all_won.high) == (pytest.approx(1 - 2 * half, abs=1e-6), 1)
        assert (all_lost.low, all_lost.high) == (-1, pytest.approx(2 * half - 1, abs=1e-6))


def test_tango_as_published() -> None:
    # Airway reactivity before and after a transplantation (Fagerland, Lydersen & Laake 2014, Stat. Med. 33:2850).
    found = tango(21, 1, 7)
    assert (found.low, found.high) == pytest.approx((-0.517, -0.026), abs=5e-4)


@pytest.mark.parametrize(
    ("differences", "clusters", "expected"),
    [
        ([], [], Interval(-1, 1, "tango")),
        ([1, 0, -1, 1], ["a", "b", "c", "d"], tango(4, 2, 1)),
        ([0, 0, 0, 0], ["a", "a", "b", "b"], tango(2, 0, 0)),  # no change: n is the number of clusters
        ([0, 0], ["a", "a"], tango(1, 0, 0)),
        ([0.5, 0.5, 0.5], ["a", "b", "c"], tango(3, 1.5, 0)),  # all changed alike, so the variance is 0
        ([1, -1, 1, -1], ["a", "a", "b", "b"], tango(2, 1, 1)),
        ([1, 0], ["a", "a"], Interval(-1, 1, "none")),  # with one cluster the spread is unknown
    ],
)
def test_the_interval_that_fits_a_difference(differences: list[float], clusters: list[str], expected: Interval) -> None:
    assert difference_interval(differences, clusters) == expected


def test_clusters_reduce_the_effective_number_of_cases() -> None:
    # Forty clusters of four, of which ten lost all four: the variance is four times that of independent cases.
    differences, clusters = [-1.0] * 40 + [0.0] * 120, [str(index // 4) for index in range(160)]
    found = difference_interval(differences, clusters)
    worth = 4 * 40 / 39 * (stdtrit(39, 0.975) / ndtri(0.975)) ** 2
    by_hand = tango(160 / worth, 0, 40 / worth)
    assert (found.low, found.high) == pytest.approx((by_hand.low, by_hand.high), abs=1e-9)
    # If cases differ more within clusters than between them, the effective number of cases is still at most n.
    mixed = difference_interval([1.0, -1.0, 1.0, -1.0, 1.0, 0.0], list("aabbcc"))
    plain = tango(6, 3, 2)
    assert mixed.high - mixed.low >= plain.high - plain.low


@given(
    by_cluster=st.lists(st.lists(st.sampled_from([-1, -0.5, 0, 0.5, 1]), min_size=1, max_size=4), max_size=20),
    confidence=CONFIDENCE,
)
def test_an_interval_of_differences_contains_its_mean(by_cluster: list[list[float]], confidence: float) -> None:
    differences = [value for values in by_cluster for value in values]
    clusters = [str(index) for index, values in enumerate(by_cluster) for _ in values]
    found = difference_interval(differences, clusters, confidence)
    mean = sum(differences) / len(differences) if differences else 0
    assert -1 <= found.low <= mean + 1e-12
    assert mean - 1e-12 <= found.high <= 1
    assert found.high - found.low > 1e-9
    mirrored = difference_interval([-value for value in differences], clusters, confidence)
    assert (mirrored.low, mirrored.high) == pytest.approx((-found.high, -found.low), abs=1e-9)
