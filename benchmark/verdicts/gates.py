"""Checks figures. The result of a check is `passed`, `failed`, `impossible` or `inconclusive`.

A check fails if the whole interval of a score is below the floor, or if the paired test shows that the candidate
regressed. A check is inconclusive if there are too few cases to decide. So a low score alone does not fail a check. A
check is impossible if the answers do not contain what a metric on request needs. More cases would not help then, and
the result says nothing about the candidate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from toolmark.benchmark.scoring.metrics import metrics_on_request
from toolmark.benchmark.verdicts.comparison import ContestantResult, Figure
from toolmark.benchmark.verdicts.recipe_verdicts import RecipeDifference, RecipeResult
from toolmark.benchmark.verdicts.verdict import Difference, Verdict

__all__ = [
    "Gate",
    "GateState",
    "check_difference",
    "check_floor",
    "check_metric",
    "check_recipe",
    "junit_properties",
    "recipe_properties",
]


GateState = Literal["passed", "failed", "impossible", "inconclusive"]


_HOW_TO_SHOW = (
    "Answers show it if a local model generated them, if a served model was asked with --logprobs, or with --epochs 5 "
    "--temperature 0.7. Generate the answers again in one of these ways."
)


@dataclass(frozen=True, slots=True)
class Gate:
    """The result of one check.

    Attributes:
        state: The result.
        reason: The figures from which the result follows, in words. If the check is impossible, also what to do.
    """

    state: GateState
    reason: str = ""


def check_floor(metric: str, figure: Figure, floor: float) -> Gate:
    """Compare a score with a floor.

    - `failed`: the upper end of the interval is below the floor, or the metric has no case.
    - `inconclusive`: the interval contains the floor.
    - `passed`: the lower end of the interval is at or above the floor.

    Args:
        metric: Id of the metric, for the reason.
        figure: The score with its interval.
        floor: The floor, in the unit of the metric.
    """
    if figure.score is None or figure.interval is None:
        return Gate(
            "failed",
            f"{metric}: this metric has no case, so the floor {floor:g} cannot be checked. Give cases of this kind "
            f"with --cases, or leave out --floor {metric}={floor:g}",
        )
    low, high = figure.interval.low, figure.interval.high
    figures = f"{metric} = {figure.score:.3f} [{low:.3f}, {high:.3f}], n = {figure.n}"
    if high < floor:
        return Gate("failed", f"{figures}: below the floor {floor:g}")
    if low >= floor:
        return Gate("passed", figures)
    return Gate("inconclusive", f"{figures}: the interval contains the floor {floor:g}")


def check_difference(metric: str, difference: Difference) -> Gate:
    """Return the gate for a verdict.

        regressed, missing     failed
        improved, equivalent   passed
        inconclusive           inconclusive

    Args:
        metric: Id of the metric, for the reason.
        difference: The difference from the baseline.
    """
    if difference.effect is None or difference.interval is None:
        if difference.verdict == "missing":
            return Gate("failed", f"{metric}: {difference.reason}. Let both sides answer the same cases.")
        return Gate("inconclusive", f"{metric}: {difference.reason}")
    low, high = difference.interval.low * 100, difference.interval.high * 100
    figures = (
        f"{metric} {difference.effect * 100:+.1f} points [{low:+.1f}, {high:+.1f}], n = {difference.n}, "
        f"{difference.wins} won, {difference.losses} lost, p = {difference.adjusted:.3g}"
    )
    why = (difference.reason or _detectable(difference)) if difference.verdict == "inconclusive" else ""
    return _of_verdict(difference.verdict, figures, why)


def _of_verdict(verdict: Verdict, figures: str, why: str) -> Gate:
    match verdict:
        case "regressed" | "missing":
            return Gate("failed", f"{verdict}: {figures}")
        case "improved" | "equivalent":
            return Gate("passed", figures)
        case "inconclusive":
            return Gate("inconclusive", f"{figures}: {why}")


def _detectable(difference: Difference) -> str:
    if difference.minimum_detectable is None:
        return "there are too few cases to detect any difference"
    return f"the minimum detectable effect is {difference.minimum_detectable * 100:.1f} points"


def _all_of(gates: Sequence[Gate]) -> Gate:
    """Return one gate for several gates.

    The state is the first of `failed`, `impossible`, `inconclusive` and `passed` that any gate has. Only the reasons of
    the gates with this state are kept.
    """
    states: tuple[GateState, ...] = ("failed", "impossible", "inconclusive", "passed")
    for state in states:
        reasons = [gate.reason for gate in gates if gate.state == state]
        if reasons:
            return Gate(state, "; ".join(reasons))
    return Gate("passed")


def check_metric(contestant: ContestantResult, metric: str, floor: float | None) -> Gate:
    """Check the difference of one metric from the baseline, and compare the score with the floor.

    Args:
        contestant: The figures of the contestant.
        metric: Id of the metric.
        floor: The floor of the metric. None if the metric has no floor.
    """
    figure = contestant.figures.get(metric)
    if metric in metrics_on_request() and (figure is None or not figure.n):
        return Gate("impossible", f"{metric}: {_why_no_curve(contestant)}. Or leave out --gate {metric}")
    if figure is None:
        return Gate(
            "failed", f"{metric} is missing from the comparison. Give cases that are judged by it: --cases PATH"
        )
    difference = contestant.difference(metric)
    gates = [] if difference is None else [check_difference(metric, difference)]
    if difference is None and contestant.baseline is not None and metric in metrics_on_request():
        gates.append(
            Gate(
                "impossible",
                f"{metric}: the baseline has no value that can be compared. {_HOW_TO_SHOW} This is necessary for both "
                f"sides. Or leave out --gate {metric}",
            )
        )
    if floor is not None:
        gates.append(check_floor(metric, figure, floor))
    if not gates and figure.n == 0:
        return Gate("inconclusive", f"{metric}: this metric has no case")
    return _all_of(gates)


def _why_no_curve(contestant: ContestantResult) -> str:
    """Return why a contestant has no timing curve, and what to do, in words."""
    if not all(contestant.figures.get(metric, Figure(0)).n for metric in ("timing.recall", "timing.restraint")):
        return "all cases are of one kind. Give cases in which a call is right and cases in which none is: --cases PATH"
    known = contestant.figures.get("timing.brier", Figure(0)).n
    if not known:
        return f"the answers do not show how likely a call was. {_HOW_TO_SHOW}"
    return (
        f"the probability of a call is known for only {known} of {contestant.cases - contestant.waived} cases. "
        "Generate all answers again in the same way: --fresh"
    )


def check_recipe(recipe: RecipeResult, trainings: Sequence[ContestantResult], metric: str, floor: float | None) -> Gate:
    """Check the verdict about a recipe with several trainings, and compare the mean score with the floor.

    A metric without a verdict about the recipe is checked for each training.

    Args:
        recipe: The figures of the recipe.
        trainings: The figures of the trainings.
        metric: Id of the metric.
        floor: The floor of the metric. None if the metric has no floor.
    """
    difference = recipe.differences.get(metric)
    if difference is None:
        gates = [check_metric(one, metric, None) for one in trainings]
    else:
        gates = [_check_recipe_difference(metric, difference, len(recipe.trainings))]
    if floor is not None:
        gates.append(check_floor(metric, recipe.figures.get(metric, Figure(0)), floor))
    return _all_of(gates)


def _check_recipe_difference(metric: str, difference: RecipeDifference, trainings: int) -> Gate:
    low, high = difference.interval.low * 100, difference.interval.high * 100
    figures = (
        f"{metric} {difference.effect * 100:+.1f} points [{low:+.1f}, {high:+.1f}] over {trainings} trainings, "
        f"n = {difference.n}, p = {difference.adjusted:.3g}"
    )
    between = f"the standard deviation between trainings is {difference.between * 100:.1f} points"
    return _of_verdict(difference.verdict, figures, difference.reason or between)


def recipe_properties(recipe: RecipeResult, metric: str) -> Iterator[tuple[str, object]]:
    """Yield the figures of one metric of a recipe as JUnit properties: pairs of a name and a value."""
    yield "trainings", len(recipe.trainings)
    difference = recipe.differences.get(metric)
    yield from _common_properties(metric, recipe.figures.get(metric), difference)
    if difference is not None:
        yield "standard_deviation_between_trainings", difference.between


def junit_properties(contestant: ContestantResult, metric: str) -> Iterator[tuple[str, object]]:
    """Yield the figures of one metric of a contestant as JUnit properties: pairs of a name and a value."""
    difference = contestant.difference(metric)
    yield from _common_properties(metric, contestant.figures.get(metric), difference)
    if difference is not None and difference.interval is not None:
        yield from (("wins", difference.wins), ("losses", difference.losses))
        yield "minimum_detectable_effect", difference.minimum_detectable


def _common_properties(
    metric: str, figure: Figure | None, difference: Difference | RecipeDifference | None
) -> Iterator[tuple[str, object]]:
    yield "metric", metric
    if figure is not None:
        yield "n", figure.n
        if figure.interval is not None:
            yield from (("score", figure.score), ("low", figure.interval.low), ("high", figure.interval.high))
    if difference is not None:
        yield "verdict", difference.verdict
        if difference.interval is not None:
            yield from (("difference", difference.effect), ("p", difference.p), ("adjusted_p", difference.adjusted))
            yield from (("difference_low", difference.interval.low), ("difference_high", difference.interval.high))
