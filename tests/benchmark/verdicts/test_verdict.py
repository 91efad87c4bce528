"""Tests verdicts at their limits, over families of tests, and on the recorded rows of a published tutorial."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolmark.benchmark.scoring.metrics import CaseValue
from toolmark.benchmark.verdicts.intervals import Interval, difference_interval, tango
from toolmark.benchmark.verdicts.power import minimum_detectable_effect
from toolmark.benchmark.verdicts.verdict import Difference, Paired, decide, pair

ROWS = Path(__file__).parents[3].parent / "shared" / "data" / "tutorial" / "eval_results.csv"


def paired(wins: int, losses: int, n: int, *, only_base: int = 0, only_candidate: int = 0, identical=False) -> Paired:
    ids = tuple(f"case {index}" for index in range(n))
    return Paired(
        ids,
        (1.0,) * wins + (-1.0,) * losses + (0.0,) * (n - wins - losses),
        ids,
        tuple(f"base {index}" for index in range(only_base)),
        tuple(f"candidate {index}" for index in range(only_candidate)),
        identical,
    )


def alone(found: Paired, margin: float = 0.05) -> Difference:
    return decide([{"m": found}], margin)[0]["m"]


def test_a_difference_by_hand() -> None:
    found = alone(paired(3, 12, 200))
    assert found == Difference(
        n=200,
        effect=-0.045,
        interval=tango(200, 3, 12),
        p=pytest.approx(0.03515625),
        adjusted=pytest.approx(0.03515625),
        won=("case 0", "case 1", "case 2"),
        lost=tuple(f"case {index}" for index in range(3, 15)),
        ties=185,
        minimum_detectable=minimum_detectable_effect(200, 0.075),
        within_margin=False,
        only_base=0,
        only_candidate=0,
        verdict="regressed",
    )
    assert (found.wins, found.losses) == (3, 12)


@pytest.mark.parametrize(
    ("wins", "losses", "n", "verdict", "within"),
    [
        (0, 6, 100, "regressed", False),
        (6, 0, 100, "improved", False),
        (0, 5, 100, "inconclusive", False),  # p = 1/16
        (0, 0, 100, "equivalent", True),
        (0, 0, 40, "inconclusive", False),  # the 90% interval is ±6.3 points
        (10, 10, 1000, "equivalent", True),
        (0, 8, 2000, "regressed", True),  # significant, and within the margin: both are reported
        (8, 0, 2000, "improved", True),
        (100, 100, 1000, "equivalent", True),
        (100, 100, 400, "inconclusive", False),
    ],
)
def test_one_metric(wins: int, losses: int, n: int, verdict: str, within: bool) -> None:
    found = alone(paired(wins, losses, n))
    assert (found.verdict, found.within_margin) == (verdict, within)
    assert found.reason == ""


def test_identical_completions_are_equivalent_however_few() -> None:
    assert alone(paired(0, 0, 3)).verdict == "inconclusive"
    found = alone(paired(0, 0, 3, identical=True))
    assert (found.verdict, found.within_margin) == ("equivalent", True)


def test_the_margin_is_the_90_percent_interval_s() -> None:
    found = paired(12, 10, 400)
    narrow = tango(400, 12, 10, 0.9)
    assert alone(found, margin=narrow.high).verdict == "equivalent"
    assert alone(found, margin=narrow.high - 1e-9).verdict == "inconclusive"


def test_more_candidates_never_hide_a_regression_and_make_luck_less_likely() -> None:
    regression = {"hurt": paired(0, 8, 200), **{f"m{index}": paired(3, 3, 200) for index in range(5)}}
    luck = {"helped": paired(8, 0, 200), **{f"m{index}": paired(3, 3, 200) for index in range(5)}}
    assert decide([regression])[0]["hurt"].verdict == "regressed"
    assert decide([luck])[0]["helped"].verdict == "improved"
    many = decide([regression, luck, *[{"m": paired(3, 3, 200)}] * 6])
    assert many[0]["hurt"].verdict == "regressed"
    assert many[0]["hurt"].adjusted == pytest.approx(6 / 128)
    assert many[1]["helped"].verdict == "inconclusive"
    assert many[1]["helped"].adjusted == pytest.approx(18 / 128)  # as the regression beside it: 18 tests, p = 1/128


def test_too_little_in_common_decides_nothing() -> None:
    whole = paired(0, 20, 95, only_base=5)
    assert alone(whole).verdict == "regressed"
    found = alone(paired(0, 20, 94, only_base=5, only_candidate=1))
    assert (found.verdict, found.reason) == ("inconclusive", "the two sides have only 94.0% of their cases in common")
    assert (found.only_base, found.only_candidate) == (5, 1)
    assert alone(paired(0, 0, 94, only_candidate=6, identical=True)).verdict == "inconclusive"


def test_overlap_over_all_metrics_and_within_one() -> None:
    short = Paired(("a",) * 8, (-1.0,) * 8, tuple("abcdefgh"), only_candidate=("x",))
    found = decide([{"all": paired(0, 9, 400), "few": short}])[0]
    assert found["all"].verdict == "regressed"
    assert found["few"].verdict == "inconclusive"
    found = decide([{"all": paired(0, 9, 400, only_base=30), "few": paired(0, 9, 40)}])[0]
    assert {difference.verdict for difference in found.values()} == {"inconclusive"}


def test_a_metric_on_one_side_only_is_missing() -> None:
    found = alone(paired(0, 0, 0, only_base=7))
    assert (found.verdict, found.reason) == ("missing", "only the base has a case that counts in this metric")
    assert (found.n, found.effect, found.interval, found.p, found.only_base) == (0, None, None, None, 7)
    assert alone(paired(0, 0, 0, only_candidate=7)).reason == "only the candidate has a case that counts in this metric"
    assert alone(paired(0, 0, 0)).verdict == "inconclusive"
    assert alone(paired(0, 0, 0, only_base=2, only_candidate=2)).verdict == "inconclusive"
    # It was not tested, so it does not change the correction of the others.
    beside = decide([{"gone": paired(0, 0, 0, only_base=1), "hurt": paired(0, 6, 100)}])[0]
    assert (beside["gone"].verdict, beside["hurt"].verdict) == ("missing", "regressed")


def test_clusters_and_epochs() -> None:
    clusters = tuple(str(index // 4) for index in range(80))
    # Five clusters of four lost all cases: 20 losses, but only five clusters.
    found = alone(Paired(tuple(map(str, range(80))), (-1.0,) * 20 + (0.0,) * 60, clusters))
    assert (found.p, found.verdict, found.losses) == (0.0625, "inconclusive", 20)
    assert found.interval is not None
    # As wide as the interval of five losses in twenty cases, because there are 20 clusters.
    assert found.interval.high - found.interval.low > tango(20, 0, 5).high - tango(20, 0, 5).low
    thirds = (1 / 3, 1 / 3, -2 / 3, 0.0)
    found = alone(Paired(tuple("abcd"), thirds, tuple("wxyz")))
    assert (found.effect, found.p, found.wins, found.losses, found.ties) == (0, 1, 2, 1, 1)


def test_nothing_to_decide() -> None:
    assert decide([]) == ()
    assert decide([{}, {}]) == ({}, {})


COUNTS = st.integers(0, 60).flatmap(lambda wins: st.tuples(st.just(wins), st.integers(0, 60), st.integers(120, 400)))


@given(tables=st.lists(st.lists(COUNTS, min_size=1, max_size=6), min_size=1, max_size=4))
def test_swapping_the_sides_swaps_the_verdicts_of_one_candidate(tables: list[list[tuple[int, int, int]]]) -> None:
    there = decide([{str(i): paired(*table) for i, table in enumerate(tables[0])}])[0]
    back = decide([{str(i): paired(losses, wins, n) for i, (wins, losses, n) in enumerate(tables[0])}])[0]
    swapped = {"regressed": "improved", "improved": "regressed"}
    for metric, found in there.items():
        assert back[metric].verdict == swapped.get(found.verdict, found.verdict)
        assert back[metric].p == found.p
    # A further candidate changes no regression of another one, and adds no improvement to it.
    whole = decide([{str(i): paired(*table) for i, table in enumerate(metrics)} for metrics in tables])
    for metric, found in there.items():
        assert (whole[0][metric].verdict == "regressed") == (found.verdict == "regressed")
        assert whole[0][metric].verdict != "improved" or found.verdict == "improved"


def test_pairing() -> None:
    base = [CaseValue("a", "g", 1.0), CaseValue("b", "g", 0.0), CaseValue("c", "c", 0.5)]
    candidate = [CaseValue("d", "d", 1.0), CaseValue("c", "c", 1.0), CaseValue("a", "g", 0.0)]
    assert pair(base, candidate) == Paired(("a", "c"), (-1.0, 0.5), ("g", "c"), ("b",), ("d",))
    assert pair([], []) == Paired((), (), ())


@pytest.mark.slow
@pytest.mark.skipif(not ROWS.exists(), reason="the tutorial's recorded rows are not beside this repository")
def test_the_tutorial_s_rows() -> None:
    with ROWS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    base, tuned = rows[::2], rows[1::2]
    assert [row["query"] for row in base] == [row["query"] for row in tuned]
    assert len(base) == 60
    assert len({row["query"] for row in base}) == 59  # one query occurs twice, so the rows are paired by their order
    needing = [index for index, row in enumerate(base) if row["query_type"] != "no_tool"]
    others = [index for index, row in enumerate(base) if row["query_type"] == "no_tool"]

    def column(name: str, indices: list[int]) -> Paired:
        pairs = [(base[index][name] == "True", tuned[index][name] == "True") for index in indices]
        ids = tuple(f"{index}" for index in indices)
        return Paired(ids, tuple(float(after) - before for before, after in pairs), ids)

    timing = "model_called_tool_when_needed"
    found = decide(
        [
            {
                "timing": column(timing, [*needing, *others]),
                "selection": column("model_called_correct_tool", needing),
                "success": column("tool_call_success", needing),
                "no tool": column(timing, others),
            }
        ]
    )[0]
    assert {metric: difference.p for metric, difference in found.items()} == {
        "timing": pytest.approx(0.754, abs=5e-4),
        "selection": pytest.approx(0.146, abs=5e-4),
        "success": pytest.approx(0.33, abs=5e-3),
        "no tool": pytest.approx(0.031, abs=5e-4),
    }
    assert {difference.verdict for difference in found.values()} == {"inconclusive"}
    assert {metric: difference.n for metric, difference in found.items()} == {
        "timing": 60,
        "selection": 40,
        "success": 40,
        "no tool": 20,
    }


def test_the_interval_is_the_one_that_fits() -> None:
    found = paired(1, 2, 50)
    assert alone(found).interval == difference_interval(found.differences, found.clusters)
    assert isinstance(alone(found).interval, Interval)
