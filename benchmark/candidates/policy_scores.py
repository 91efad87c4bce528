"""What the trivial policies score on the cases at hand: the ground on which every other score stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from benchmark.candidates.policies import POLICIES
from benchmark.cases import Case
from benchmark.dialects import Dialect
from benchmark.scoring.grades import grade
from benchmark.scoring.metrics import METRICS, case_values

__all__ = ["PolicyScores", "policy_scores"]

_MEANINGS = {
    "never": "never calls",
    "first": "always calls the first tool offered",
    "uniform": "always calls a tool drawn uniformly",
    "lexical": "calls the tool that shares the rarest words with the question",
}
_METRICS = ("timing.recall", "timing.restraint", "selection.tool", "validity.schema")
"""Of the primary ones those that nothing need be run for."""


@dataclass(frozen=True, slots=True)
class PolicyScores:
    """A policy and its scores by metric; a metric without a case is not there."""

    name: str
    meaning: str
    scores: Mapping[str, float]


def policy_scores(cases: Sequence[Case], dialect: Dialect, seed: int = 0) -> tuple[PolicyScores, ...]:
    """Let the policies answer `cases` in the hand of `dialect`, and judge them."""
    found = []
    for name, meaning in _MEANINGS.items():
        draws = ((case, Random(f"{seed}/{case.id}/1")) for case in cases)  # noqa: S311 - repeatable, not secret
        grades = [grade(case, POLICIES[name](case, dialect, rng), dialect) for case, rng in draws]
        values = {metric: case_values(METRICS[metric], grades) for metric in _METRICS}
        scores = {metric: sum(one.value for one in each) / len(each) for metric, each in values.items() if each}
        found.append(PolicyScores(name, meaning, scores))
    return tuple(found)
