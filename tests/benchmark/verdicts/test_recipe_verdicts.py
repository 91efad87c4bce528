"""Verdicts about recipes: the interval, its coverage, and what a single adapter does not show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t

from toolmark.benchmark.verdicts.figure import Figure
from toolmark.benchmark.verdicts.gates import check_recipe, recipe_properties
from toolmark.benchmark.verdicts.intervals import Interval, difference_interval, wilson
from toolmark.benchmark.verdicts.recipe_verdicts import decide_recipes, recipe_difference, recipe_figure
from toolmark.benchmark.verdicts.verdict import Paired, decide


def drawn(rng: np.random.Generator, between: float, effect: float, trainings: int = 3, cases: int = 200) -> np.ndarray:
    """Differences in -1, 0 and 1, in which trainings and cases both differ. Their mean is `effect` on average."""
    shift = effect + rng.normal(0, between, (trainings, 1)) + rng.normal(0, 0.15, (1, cases))
    changed = rng.random((trainings, cases))
    return (changed < 0.25 + shift / 2).astype(float) - (changed > 0.75 + shift / 2)


def test_the_interval_ends_at_zero_at_the_level_of_the_p_value():
    clusters = [str(case) for case in range(200)]
    found = recipe_difference(drawn(np.random.default_rng(1), 0.05, 0.2).tolist(), clusters)
    of_trainings = found.between / 3**0.5
    of_cases = drawn(np.random.default_rng(1), 0.05, 0.2).mean(0).std(ddof=1) / 200**0.5
    tail = found.p / 2
    ends_at = np.hypot(t.isf(tail, 2) * of_trainings, t.isf(tail, 199) * of_cases)
    assert ends_at == pytest.approx(found.effect, rel=1e-6)
    assert found.wide.low < found.narrow.low < found.effect


@pytest.mark.parametrize("between", [0.0, 0.03, 0.1])
def test_the_interval_covers_the_mean_of_all_trainings(between):
    rng = np.random.default_rng(7)
    clusters = [str(case) for case in range(200)]
    covered = 0
    for _ in range(400):
        found = recipe_difference(drawn(rng, between, 0.1).tolist(), clusters)
        covered += found.wide.low <= 0.1 <= found.wide.high
    assert covered / 400 >= 0.94


def paired(values: np.ndarray) -> Paired:
    names = tuple(str(case) for case in range(len(values)))
    return Paired(names, tuple(values.tolist()), names)


def test_one_lucky_training_is_no_verdict_about_the_recipe():
    better, same = np.repeat([1.0, 0.0], [60, 140]), np.zeros(200)
    assert difference_interval(better.tolist(), [str(case) for case in range(200)]).low > 0.2
    found = decide_recipes(
        {
            "lucky": {f"lucky@{seed}": {"timing.recall": paired(row)} for seed, row in enumerate((better, same, same))},
            "good": {f"good@{seed}": {"timing.recall": paired(better)} for seed in range(3)},
        },
        0.05,
    )
    lucky, good = (result.differences["timing.recall"] for result in found)
    assert (lucky.verdict, good.verdict) == ("inconclusive", "improved")
    assert lucky.effect == pytest.approx(0.1)
    assert (good.between, lucky.between) == (0, pytest.approx(0.1732, abs=1e-3))
    assert found[0].trainings == ("lucky@0", "lucky@1", "lucky@2")


def test_trainings_that_change_nothing_are_equivalent():
    nothing = {f"same@{seed}": {"timing.recall": paired(np.zeros(400))} for seed in range(2)}
    (result,) = decide_recipes({"same": nothing}, 0.05)
    assert result.differences["timing.recall"].verdict == "equivalent"


def test_overlap_and_identical_completions_count_as_for_an_adapter():
    """In `rare`, only half of the cases are common. In `common`, more than 95% of all cases are common."""
    names = [str(case) for case in range(400)]
    common = Paired(tuple(names), (0.0,) * 400, tuple(names))
    rare = Paired(tuple(names[:9]), (0.0,) * 9, tuple(names[:9]), only_base=tuple(names[9:18]))
    few = Paired(tuple(names[:10]), (0.0,) * 10, tuple(names[:10]), identical=True)
    for metrics in ({"timing.recall": common, "guard.stops": rare}, {"timing.recall": few}):
        (adapter,) = decide([metrics])
        (recipe,) = decide_recipes({"r": {"r@1": metrics, "r@2": metrics}}, 0.05)
        verdicts = {metric: (one.verdict, one.reason) for metric, one in recipe.differences.items()}
        assert verdicts == {metric: (one.verdict, one.reason) for metric, one in adapter.items()}
    assert verdicts == {"timing.recall": ("equivalent", "")}
    (recipe,) = decide_recipes({"r": {"r@1": {"guard.stops": rare}, "r@2": {"guard.stops": rare}}}, 0.05)
    assert "only 50.0% of their cases in common" in check_recipe(recipe, [], "guard.stops", None).reason


def test_a_check_looks_at_the_recipe_and_not_at_one_training():
    worse, same = np.repeat([-1.0, 0.0], [60, 140]), np.zeros(200)
    trainings = {
        "one": {f"one@{seed}": {"timing.recall": paired(row)} for seed, row in enumerate((worse, same, same))},
        "all": {f"all@{seed}": {"timing.recall": paired(worse)} for seed in range(3)},
    }
    one, every = decide_recipes(trainings, 0.05)
    gate = check_recipe(one, [], "timing.recall", None)
    assert gate.state == "inconclusive"
    assert "the standard deviation between trainings is 17.3 points" in gate.reason
    assert check_recipe(every, [], "timing.recall", None).state == "failed"
    assert dict(recipe_properties(every, "timing.recall"))["verdict"] == "regressed"


def test_the_floor_of_a_recipe_is_compared_with_the_mean_of_its_trainings():
    scores = [Figure(100, score, Interval(score - 0.05, score + 0.05, "wilson")) for score in (0.5, 0.6, 0.7)]
    figure = recipe_figure(scores)
    assert (figure.n, figure.score) == (100, pytest.approx(0.6))
    assert 0.6 - figure.interval.low == pytest.approx(np.hypot(0.05, t.ppf(0.975, 2) * 0.1 / 3**0.5))
    assert recipe_figure([scores[0], scores[0]]).interval.low == pytest.approx(0.45)
    near_the_end = recipe_figure([Figure(200, score, wilson(200 * score, 200)) for score in (0.95, 0.9)]).interval
    assert (near_the_end.low, near_the_end.high) == (pytest.approx(0.604, abs=1e-3), 1.0)
    (result,) = decide_recipes({"same": {f"same@{seed}": {"timing.recall": paired(np.zeros(9))} for seed in (1, 2)}}, 1)
    result = replace(result, figures={"timing.recall": recipe_figure([scores[2], scores[2]])})
    states = [check_recipe(result, [], "timing.recall", floor).state for floor in (0.6, 0.7, 0.8)]
    assert states == ["passed", "inconclusive", "failed"]
