"""Tests intervals against scipy, statsmodels and by hand, gates at their limits, and a comparison of real grades."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from scipy.stats import t as student

from toolmark.benchmark.data.cases import Case, Tool, Toolbox
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.dialects.json import Json
from toolmark.benchmark.scoring.grades import Grade, grade
from toolmark.benchmark.scoring.metrics import BALANCED, PRIMARY
from toolmark.benchmark.verdicts.comparison import Figure, Side, compare_sides
from toolmark.benchmark.verdicts.gates import check_floor
from toolmark.benchmark.verdicts.intervals import Interval, balanced, cluster_t, mean_interval, wilson

CONFIDENCE = st.sampled_from([0.9, 0.95, 0.99])


@given(n=st.integers(1, 2000), share=st.floats(0, 1), confidence=CONFIDENCE)
def test_wilson_is_scipy_s_wilson(n: int, share: float, confidence: float) -> None:
    successes = round(share * n)
    found = wilson(successes, n, confidence)
    interval = binomtest(successes, n).proportion_ci(confidence, method="wilson")
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=1e-9)


@pytest.mark.parametrize("n", range(1, 60))
def test_wilson_reaches_its_ends_exactly(n: int) -> None:
    # A rounding error here would fail a perfect candidate at a floor of 1.
    assert wilson(n, n).high == 1
    assert wilson(0, n).low == 0
    assert wilson(n, n).low < 1
    assert wilson(0, n).high > 0


def test_wilson_of_nothing_is_everything() -> None:
    assert wilson(0, 0) == Interval(0, 1, "wilson")


BY_CLUSTER = st.lists(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=5), min_size=2, max_size=12)


@given(by_cluster=BY_CLUSTER, confidence=CONFIDENCE)
def test_cluster_t_is_the_cluster_robust_mean(by_cluster: list[list[float]], confidence: float) -> None:
    """The sandwich estimator of a regression on a constant, corrected by G/(G - 1), and t with G - 1 degrees."""
    values = [value for members in by_cluster for value in members]
    mean = math.fsum(values) / len(values)
    residuals = [math.fsum(value - mean for value in members) for members in by_cluster]
    variance = math.fsum(total**2 for total in residuals) / len(values) ** 2 * len(by_cluster) / (len(by_cluster) - 1)
    reach = student.ppf((1 + confidence) / 2, len(by_cluster) - 1) * math.sqrt(variance)
    found = cluster_t(values, [str(index) for index, members in enumerate(by_cluster) for _ in members], confidence)
    assert (found.low, found.high) == pytest.approx((mean - reach, mean + reach), abs=1e-6)


@pytest.mark.slow
def test_both_are_statsmodels() -> None:
    import numpy as np
    import statsmodels.api as sm
    from statsmodels.stats.proportion import proportion_confint

    @given(by_cluster=BY_CLUSTER, confidence=CONFIDENCE)
    def clustered(by_cluster: list[list[float]], confidence: float) -> None:
        values = [value for members in by_cluster for value in members]
        clusters = [index for index, members in enumerate(by_cluster) for _ in members]
        model = sm.OLS(np.array(values), np.ones(len(values)))
        fitted = model.fit(cov_type="cluster", cov_kwds={"groups": np.array(clusters)}, use_t=True)
        found = cluster_t(values, [str(cluster) for cluster in clusters], confidence)
        assert (found.low, found.high) == pytest.approx(fitted.conf_int(1 - confidence)[0], abs=1e-6)

    @given(n=st.integers(1, 2000), share=st.floats(0, 1), confidence=CONFIDENCE)
    def binomial(n: int, share: float, confidence: float) -> None:
        successes = round(share * n)
        found = wilson(successes, n, confidence)
        expected = proportion_confint(successes, n, alpha=1 - confidence, method="wilson")
        assert (found.low, found.high) == pytest.approx(expected, abs=1e-9)

    clustered()
    binomial()


@given(by_cluster=BY_CLUSTER)
def test_an_interval_of_shares_holds_its_mean_and_has_a_width(by_cluster: list[list[float]]) -> None:
    values = [value for members in by_cluster for value in members]
    clusters = [str(index) for index, members in enumerate(by_cluster) for _ in members]
    found = mean_interval(values, clusters, share=True)
    mean = sum(values) / len(values)
    assert 0 <= found.low <= mean + 1e-9
    assert mean - 1e-9 <= found.high <= 1
    assert found.high - found.low > 1e-9


@pytest.mark.parametrize(
    ("values", "clusters", "expected"),
    [
        ([1, 0, 1], ["a", "b", "c"], wilson(2, 3)),  # every cluster is one case, all values are 0 or 1
        ([], [], wilson(0, 0)),
        (
            [1, 1, 1, 1],
            ["a", "a", "b", "b"],
            wilson(2, 2),
        ),  # equal means: n is the number of clusters
        ([0.5, 0.5, 0.5], ["a", "b", "c"], wilson(1.5, 3)),  # epochs
        ([0, 1] * 5, [str(i // 2) for i in range(10)], wilson(2.5, 5)),  # each cluster is half right
        ([1, 0], ["a", "a"], Interval(0, 1, "none")),  # with one cluster the spread is unknown
    ],
)
def test_the_interval_that_fits(values: list[float], clusters: list[str], expected: Interval) -> None:
    assert mean_interval(values, clusters, share=True) == expected


def test_quantities_are_not_cut_at_one() -> None:
    found = mean_interval([10, 20, 30], ["a", "b", "c"], share=False)
    assert (found.low, found.high) == pytest.approx(
        (20 - 4.302653 * 10 / math.sqrt(3), 20 + 4.302653 * 10 / math.sqrt(3))
    )
    assert mean_interval([10, 20], ["a", "a"], share=False) == Interval(-math.inf, math.inf, "none")


@given(a=st.integers(0, 50), b=st.integers(0, 50))
def test_the_balanced_interval_holds_the_mean_within_the_unit(a: int, b: int) -> None:
    first, second = wilson(a, 50), wilson(b, 50)
    score, found = balanced(a / 50, first, b / 50, second)
    assert score == pytest.approx((a + b) / 100)
    assert -1e-12 <= found.low < score + 1e-12
    assert score - 1e-12 < found.high <= 1 + 1e-12
    # Half of the narrower width is a lower bound of a root of squares, half of the sum of both an upper bound.
    widths = [first.high - first.low, second.high - second.low]
    assert max(widths) / 2 / math.sqrt(2) <= found.high - found.low <= sum(widths) / 2 + 1e-12


def test_the_balanced_interval_by_hand() -> None:
    score, found = balanced(0.8, Interval(0.7, 0.85, "wilson"), 0.6, Interval(0.36, 0.72, "wilson"))
    assert score == pytest.approx(0.7)
    assert (found.low, found.high) == pytest.approx((0.7 - 0.26 / 2, 0.7 + 0.13 / 2))


FIGURE = Figure(100, 0.5, Interval(0.4, 0.6, "wilson"))


@pytest.mark.parametrize(
    ("figure", "floor", "state"),
    [
        (FIGURE, 0.39, "passed"),
        (FIGURE, 0.4, "passed"),
        (FIGURE, 0.41, "inconclusive"),
        (FIGURE, 0.6, "inconclusive"),
        (FIGURE, 0.61, "failed"),
        (FIGURE, math.nan, "inconclusive"),
        (Figure(0), 0.0, "failed"),
        (Figure(3, 1.0, wilson(3, 3)), 1.0, "inconclusive"),
    ],
)
def test_floors(figure: Figure, floor: float, state: str) -> None:
    gate = check_floor("timing.recall", figure, floor)
    assert gate.state == state
    assert "timing.recall" in gate.reason


def asked(question: str, expect: dict[str, Any], group: str = "", waiver: str | None = None) -> Case:
    return Case.model_validate(
        {
            "messages": [{"role": "user", "content": question}],
            "toolbox": Toolbox(name="t", tools=(Tool(name="f"), Tool(name="g"))),
            "expect": expect,
            "source": {"name": "test", "ref": question},
            "licence": "none",
            "group": group,
            "waiver": waiver,
        }
    )


CALL = {"action": "call", "any_of": [{"calls": [{"name": "f"}]}]}
ABSTAIN = {"action": "abstain", "reason": "no_tool_fits"}
CASES = [
    *(asked(f"call {index}", CALL) for index in range(4)),
    *(asked(f"abstain {index}", ABSTAIN) for index in range(2)),
    asked("waived", CALL, waiver="disputed"),
]


def graded(*texts: str) -> list[Grade]:
    return [grade(case, Completion(text), Json()) for case, text in zip(CASES, texts, strict=True)]


F, G, NO = '{"name": "f", "arguments": {}}', '{"name": "g", "arguments": {}}', "No."


def test_a_comparison_by_hand() -> None:
    found = compare_sides([Side("a", graded(F, G, F, NO, NO, NO, NO)), Side("b", graded(F, F, F, F, F, NO, F))])
    ids = [*(metric.id for metric in PRIMARY), BALANCED.id]
    assert [metric.id for metric in found.metrics[: len(ids)]] == ids
    assert {metric.id: metric.level for metric in found.metrics}["selection.tool[f]"] == "detail"
    assert [(one.cases, one.waived, dict(one.causes)) for one in found.contestants] == [
        (7, 1, {"wrong_tool": 1, "no_call": 1}),
        (7, 1, {"over_call": 1}),
    ]

    def scores(metric: str) -> list[tuple[int, float | None]]:
        figures = [contestant.figures[metric] for contestant in found.contestants]
        return [(figure.n, figure.score) for figure in figures]

    assert scores("timing.recall") == [(4, 0.75), (4, 1.0)]
    assert scores("timing.restraint") == [(2, 1.0), (2, 0.5)]
    assert scores(BALANCED.id) == [(6, 0.875), (6, 0.75)]
    assert scores("selection.tool") == [(4, 0.5), (4, 1.0)]
    assert scores("validity.call") == [(4, 0.5), (4, 1.0)]
    assert scores("guard.uses_result") == [(0, None), (0, None)]
    assert scores("selection.tool[2 offered]") == scores("selection.tool")
    assert found["a"].figures["timing.recall"].interval == wilson(3, 4)
    with pytest.raises(KeyError):
        found["c"]


def test_paraphrases_are_one_unit() -> None:
    cases = [asked(f"{family}{index}", CALL, group=family) for family in "abc" for index in range(3)]
    rows = [grade(case, Completion(F if case.group == "a" else NO), Json()) for case in cases]
    figure = compare_sides([Side("a", rows)])["a"].figures["timing.recall"]
    assert figure.interval is not None
    assert (figure.n, figure.interval.method) == (9, "cluster t")
    assert figure.interval.high - figure.interval.low > wilson(3, 9).high - wilson(3, 9).low


def test_without_cases_there_is_no_figure() -> None:
    figures = compare_sides([Side("a", [])])["a"].figures
    assert figures["timing.recall"] == figures[BALANCED.id] == Figure(0)
