"""From figures to `passed`, `failed` or `inconclusive`.

A score is not an assertion. A check fails only where the interval says that the floor is missed, or where the paired
test says that the candidate regressed; where the cases cannot tell, that is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from toolmark.benchmark.verdicts.comparison import ContestantResult, Figure
from toolmark.benchmark.verdicts.verdict import Difference

__all__ = ["Gate", "check_difference", "check_floor", "check_metric", "recorded"]


@dataclass(frozen=True, slots=True)
class Gate:
    """The state of one check, and why."""

    state: Literal["passed", "failed", "inconclusive"]
    reason: str = ""


def check_floor(metric: str, figure: Figure, floor: float) -> Gate:
    """Hold a score against a floor, both in the metric's unit.

    failed: the interval's upper end is below the floor, or no case counts in the metric. inconclusive: the interval
    contains it. passed: the lower end is at or above it.
    """
    if figure.score is None or figure.interval is None:
        return Gate("failed", f"{metric}: no case counts in it, so the floor {floor:g} cannot be held")
    low, high = figure.interval.low, figure.interval.high
    seen = f"{metric} = {figure.score:.3f} [{low:.3f}, {high:.3f}], n = {figure.n}"
    if high < floor:
        return Gate("failed", f"{seen}: below the floor {floor:g}")
    if low >= floor:
        return Gate("passed", seen)
    return Gate("inconclusive", f"{seen}: the interval contains the floor {floor:g}")


def check_difference(metric: str, difference: Difference) -> Gate:
    """Turn a verdict into a gate: `regressed` and `missing` fail, `improved` and `equivalent` pass."""
    if difference.effect is None or difference.interval is None:
        state: Literal["failed", "inconclusive"] = "failed" if difference.verdict == "missing" else "inconclusive"
        return Gate(state, f"{metric}: {difference.reason}")
    low, high = difference.interval.low * 100, difference.interval.high * 100
    seen = (
        f"{metric} {difference.effect * 100:+.1f} points [{low:+.1f}, {high:+.1f}], n = {difference.n}, "
        f"{difference.wins} won, {difference.losses} lost, p = {difference.adjusted:.3g}"
    )
    match difference.verdict:
        case "regressed" | "missing":
            return Gate("failed", f"{difference.verdict}: {seen}")
        case "improved" | "equivalent":
            return Gate("passed", seen)
        case "inconclusive":
            return Gate("inconclusive", f"{seen}: {difference.reason or _power(difference)}")


def _power(difference: Difference) -> str:
    if difference.minimum_detectable is None:
        return "no difference could have been seen with so few cases"
    return f"{difference.minimum_detectable * 100:.1f} points could have been seen"


def _all_of(gates: Sequence[Gate]) -> Gate:
    """One gate for several: failed where one failed, else inconclusive where one is; reasons of that state alone."""
    for state in ("failed", "inconclusive", "passed"):
        found = [gate.reason for gate in gates if gate.state == state]
        if found:
            return Gate(state, "; ".join(found))
    return Gate("passed")


def check_metric(contestant: ContestantResult, metric: str, floor: float | None) -> Gate:
    """Everything that a contestant's metric must hold: its difference from the baseline, and its floor."""
    figure = contestant.figures.get(metric)
    if figure is None:
        return Gate("failed", f"{metric} is missing from the comparison")
    difference = contestant.differences.get(metric)
    gates = [] if difference is None else [check_difference(metric, difference)]
    if floor is not None:
        gates.append(check_floor(metric, figure, floor))
    if not gates and figure.n == 0:
        return Gate("inconclusive", f"{metric}: no case counts in it")
    return _all_of(gates)


def recorded(contestant: ContestantResult, metric: str) -> Iterator[tuple[str, object]]:
    """A metric's figures as the names and values of JUnit properties."""
    yield "metric", metric
    figure = contestant.figures.get(metric)
    if figure is not None:
        yield "n", figure.n
        if figure.interval is not None:
            yield from (("score", figure.score), ("low", figure.interval.low), ("high", figure.interval.high))
    difference = contestant.differences.get(metric)
    if difference is not None:
        yield "verdict", difference.verdict
        if difference.interval is not None:
            yield from (("difference", difference.effect), ("p", difference.p), ("adjusted_p", difference.adjusted))
            yield from (("difference_low", difference.interval.low), ("difference_high", difference.interval.high))
            yield from (("wins", difference.wins), ("losses", difference.losses))
            yield "minimum_detectable_effect", difference.minimum_detectable
