"""Computes the scores of two policies that choose a tool without reading the question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from toolmark.benchmark.data.cases import Abstain, Case

__all__ = ["Chance", "chance", "selection_by_chance"]


@dataclass(frozen=True, slots=True)
class Chance:
    """The scores of two policies on the metric `selection.tool`, from 0 to 1.

    Attributes:
        first: Score of the policy that calls the first offered tool.
        uniform: Expected score of the policy that calls a random tool, with equal probabilities.
    """

    first: float
    uniform: float


def chance(cases: Sequence[Case]) -> Chance:
    """Return the exact scores of both policies on these cases.

    Both policies make one call. So both fail in every case that expects several calls. If no case expects a call, the
    scores are 0.
    """
    first: list[float] = []
    uniform: list[float] = []
    for case in cases:
        if isinstance(case.expect, Abstain) or case.waiver is not None:
            continue
        right = {option.calls[0].name for option in case.expect.any_of if len(option.calls) == 1}
        names = case.toolbox.names
        first.append(float(names[0] in right))
        uniform.append(sum(count for name, count in Counter(names).items() if name in right) / len(names))
    n = len(first) or 1
    return Chance(sum(first) / n, sum(uniform) / n)


def selection_by_chance(cases: Sequence[Case]) -> float:
    """Return the higher score of the two policies on the metric `selection.tool`."""
    known = chance(cases)
    return max(known.first, known.uniform)
