"""Two candidates on one curve at different thresholds, and two curves: the figures and the sentence tell them apart."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from tests.benchmark.verdicts.test_verdicts import ABSTAIN, CALL, NO, F, asked
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.dialects.json import Json
from toolmark.benchmark.runs.calibration import Calibration
from toolmark.benchmark.scoring.call_scores import CallScore
from toolmark.benchmark.scoring.grades import Grade, grade
from toolmark.benchmark.scoring.metrics import AUROC
from toolmark.benchmark.verdicts.comparison import Comparison, Side, compare_sides
from toolmark.benchmark.verdicts.gates import check_metric
from toolmark.benchmark.verdicts.timing_curve import calibration_error, curve_points, reliability

N = 600
CASES = [asked(f"{index}", ABSTAIN if index % 2 else CALL) for index in range(N)]
RIGHT = np.arange(N) % 2 == 0
NOISE = np.random.default_rng(0).standard_normal(N)


def candidate(quality: float | np.ndarray, threshold: float, seed: int, *, known: bool = True) -> list[Grade]:
    """Grades of a candidate that calls above a threshold. A higher quality parts the two kinds of cases better."""
    own = np.random.default_rng(seed).standard_normal(N)
    chances = expit(0.9 * NOISE + 0.436 * own + quality * (RIGHT - 0.5)).tolist()
    return [
        grade(case, Completion(F if chance > threshold else NO, call_probability=chance if known else None), Json())
        for case, chance in zip(CASES, chances, strict=True)
    ]


def compared(base: list[Grade], mine: list[Grade]) -> Comparison:
    return compare_sides([Side("base", base), Side("mine", mine, baseline="base")])


def test_a_candidate_that_only_calls_more_has_the_same_curve():
    found = compared(candidate(2.5, 0.6, 1), candidate(2.5, 0.4, 2))["mine"]
    assert found.differences["timing.recall"].verdict == "improved"
    assert found.differences["timing.restraint"].verdict == "regressed"
    assert found.timing.difference.verdict == "equivalent"
    assert found.timing.sentence == "the same curve, another point: it only calls more"
    backwards = compared(candidate(2.5, 0.4, 2), candidate(2.5, 0.6, 1))["mine"]
    assert backwards.timing.sentence == "the same curve, another point: it only calls less"
    assert check_metric(found, AUROC.id, None).state == "passed"


def test_a_better_curve_is_better_at_any_threshold():
    base, mine = candidate(1.5, 0.5, 1), candidate(4.0, 0.5, 2)
    found = compared(base, mine)["mine"]
    assert found.timing.difference.verdict == "improved"
    assert found.timing.sentence == "better at any threshold"
    assert found.figures[AUROC.id].score == found.timing.area.score > 0.95
    worse = compared(mine, base)["mine"]
    assert (worse.timing.difference.verdict, worse.timing.sentence) == ("regressed", "worse at any threshold")
    assert check_metric(worse, AUROC.id, None).state == "failed"


def test_curves_that_cross_are_better_in_one_part_only():
    # Half of the calls are certain, and the rest look like abstentions: good at a high restraint only.
    divided = np.where(RIGHT, np.where(np.arange(N) % 4 == 0, 12.0, -2.0), 1.4)
    found = compared(candidate(1.4, 0.5, 1), candidate(divided, 0.5, 2))["mine"]
    parts = re.fullmatch(r"better only where (.+), and worse where restraint is \d+% to \d+%", found.timing.sentence)
    assert parts[1].endswith("95%")


def test_few_cases_show_no_difference():
    base, mine = candidate(1.5, 0.6, 1)[:40], candidate(1.5, 0.3, 2)[:40]
    found = compared(base, mine)["mine"]
    assert found.timing.difference.verdict == "inconclusive"
    assert found.timing.sentence.startswith("there are too few cases to compare the two curves")


def test_the_other_verdicts_do_not_change():
    known = compared(candidate(2.5, 0.6, 1), candidate(2.5, 0.4, 2))
    without = compared(candidate(2.5, 0.6, 1, known=False), candidate(2.5, 0.4, 2, known=False))
    assert known["mine"].differences == without["mine"].differences
    assert without["mine"].timing is None
    assert AUROC not in without.metrics
    assert AUROC in known.metrics
    assert AUROC not in known.primary


def test_a_side_without_probabilities_cannot_be_compared():
    found = compared(candidate(2.5, 0.6, 1, known=False), candidate(2.5, 0.4, 2))
    assert found["base"].figures[AUROC.id].n == 0
    alone = check_metric(found["base"], AUROC.id, None)
    assert alone.state == "impossible"
    assert alone.reason.startswith("timing.auroc: the answers do not show how likely a call was. ")
    assert found["mine"].timing.difference is None
    gate = check_metric(found["mine"], AUROC.id, None)
    assert gate.state == "impossible"
    assert gate.reason.startswith("timing.auroc: the baseline has no value that can be compared. ")
    for reason in (alone.reason, gate.reason):
        assert "--logprobs" in reason
        assert reason.endswith("Or leave out --gate timing.auroc")


def test_a_few_unknown_probabilities_are_left_out():
    base, mine = candidate(1.5, 0.5, 3), candidate(1.5, 0.5, 1)
    few, many = (
        [replace(one, call_probability=None) for one in mine[:unknown]] + mine[unknown:] for unknown in (1, 90)
    )
    found = compared(base, few)["mine"]
    assert (found.figures[AUROC.id].n, found.timing.difference.n) == (N - 1, N - 1)
    found = compared(base, many)["mine"]
    assert found.timing is None
    reason = check_metric(found, AUROC.id, None).reason
    assert reason.startswith("timing.auroc: the probability of a call is known for only 510 of 600 cases. ")
    found = compared(base, [one for one in mine if one.expected == "call"])["mine"]
    assert check_metric(found, AUROC.id, None).reason.startswith("timing.auroc: all cases are of one kind. ")


def over_epochs(quality: float, seed: int, *, known: bool) -> list[Grade]:
    thresholds = (0.3, 0.5, 0.7)
    every = [candidate(quality, threshold, seed, known=known) for threshold in thresholds]
    return [replace(one, epoch=epoch) for epoch, rows in enumerate(every, 1) for one in rows]


def test_all_areas_of_a_comparison_come_from_the_same_source():
    served, local = over_epochs(2.5, 1, known=False), over_epochs(2.5, 2, known=True)
    sides = [Side("served", served), Side("local", local, baseline="served", calibration=Calibration(0.5, 8))]
    found = compare_sides(sides)
    areas = [one.figures[AUROC.id].score for one in found.contestants]
    assert [one.timing.source for one in found.contestants] == ["epochs", "epochs"]
    assert found["local"].timing.difference.effect == pytest.approx(areas[1] - areas[0])
    assert found["local"].timing.bins, "the calibration of the probabilities is still known"
    assert found["local"].timing.at_restraint.threshold == 0.5

    once = candidate(2.5, 0.5, 1)  # one epoch, so there is no source that all three sides have
    mixed = compare_sides([Side("base", local), Side("once", once, baseline="base"), sides[0]])
    assert [one.timing.source for one in mixed.contestants] == ["probability", "probability", "epochs"]
    assert mixed["once"].timing.difference is not None
    apart = compare_sides([Side("base", local), Side("once", once), replace(sides[0], baseline="base")])
    assert apart["served"].timing.difference is None


def test_without_probabilities_the_share_of_calls_over_epochs_is_the_score():
    found = compare_sides([Side("a", over_epochs(2.5, 1, known=False))])["a"].timing
    assert found.source == "epochs"
    assert {point.threshold for point in found.points} <= {0.0, 1 / 3, 2 / 3, 1.0}
    assert found.bins == ()
    assert found.calibration_error is None


VALUES = [(True, 0.95), (True, 0.5), (False, 0.5), (False, 0.05), (True, 1.0)]
SCORES = [CallScore(str(at), str(at), right, score) for at, (right, score) in enumerate(VALUES)]


def test_the_points_of_a_curve():
    points = [(point.threshold, point.recall, point.restraint) for point in curve_points(SCORES)]
    assert points == [
        (0.0, 1.0, 0.0),
        (0.05, 1.0, 0.5),
        (0.5, pytest.approx(2 / 3), 1.0),
        (0.95, pytest.approx(1 / 3), 1.0),
        (1.0, 0.0, 1.0),
    ]
    assert len(curve_points(SCORES, 3)) == 3


def test_calibration():
    bins = reliability(SCORES)
    assert [(one.low, one.n, one.right) for one in bins] == [(0.0, 1, 0.0), (0.5, 2, 0.5), (0.9, 2, 1.0)]
    assert calibration_error(bins) == pytest.approx((0.05 + 0 + 2 * 0.025) / 5)
    figure = compare_sides([Side("a", candidate(2.5, 0.5, 1))])["a"].figures["timing.brier"]
    assert 0 < figure.score < 0.25
