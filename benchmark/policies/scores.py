"""What the trivial policies score on the cases at hand: the ground on which every other score stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.policies.trivial import POLICIES
from toolmark.benchmark.scoring.grades import grade
from toolmark.benchmark.scoring.metrics import PRIMARY, Metric, case_values

__all__ = ["PolicyScores", "policy_scores"]

_MEANINGS = {
    "never": "never calls",
    "first": "always calls the first tool offered",
    "uniform": "always calls a tool drawn uniformly",
    "lexical": "calls the tool that shares the rarest words with the question",
}
_AT_ONCE = 1_000
"""Cases whose grades are in memory together."""


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
        values: dict[Metric, list[float]] = {metric: [] for metric in PRIMARY if metric.of_policies}
        for start in range(0, len(cases), _AT_ONCE):
            part = cases[start : start + _AT_ONCE]
            draws = ((case, Random(f"{seed}/{case.id}/1")) for case in part)  # noqa: S311 - repeatable, not secret
            grades = [grade(case, POLICIES[name](case, dialect, rng), dialect) for case, rng in draws]
            for metric, known in values.items():
                known += [one.value for one in case_values(metric, grades)]
        scores = {metric.id: sum(known) / len(known) for metric, known in values.items() if known}
        found.append(PolicyScores(name, meaning, scores))
    return tuple(found)
