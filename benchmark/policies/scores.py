"""Computes the scores of the trivial policies on the judged cases. Reports show them beside the scores of models."""

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
    "uniform": "always calls a random tool",
    "lexical": "calls the tool that has the rarest words in common with the question",
}
_BATCH = 1_000
"""Number of cases that are graded at a time. A larger number needs more memory."""


@dataclass(frozen=True, slots=True)
class PolicyScores:
    """The scores of a policy.

    Attributes:
        name: Name of the policy.
        meaning: What the policy does, in words.
        scores: Scores by metric. Metrics without a case are left out.
    """

    name: str
    meaning: str
    scores: Mapping[str, float]


def policy_scores(cases: Sequence[Case], dialect: Dialect, seed: int = 0) -> tuple[PolicyScores, ...]:
    """Return the scores of each policy on these cases.

    Args:
        cases: The cases.
        dialect: The dialect in which the policies write calls.
        seed: Seed of random choices.
    """
    results = []
    for name, meaning in _MEANINGS.items():
        values: dict[Metric, list[float]] = {metric: [] for metric in PRIMARY if metric.of_policies}
        for start in range(0, len(cases), _BATCH):
            part = cases[start : start + _BATCH]
            draws = ((case, Random(f"{seed}/{case.id}/1")) for case in part)  # noqa: S311 - repeatable, not secret
            grades = [grade(case, POLICIES[name](case, dialect, rng), dialect) for case, rng in draws]
            for metric, of_metric in values.items():
                of_metric += [item.value for item in case_values(metric, grades)]
        scores = {metric.id: sum(of_metric) / len(of_metric) for metric, of_metric in values.items() if of_metric}
        results.append(PolicyScores(name, meaning, scores))
    return tuple(results)
