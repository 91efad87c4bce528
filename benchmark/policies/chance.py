"""The scores of two policies that choose a tool without reading the question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from toolmark.benchmark.data.cases import Abstain, Case

__all__ = ["Chance", "chance", "selection_by_chance"]


@dataclass(frozen=True, slots=True)
class Chance:
    """The metric `selection.tool` of two policies.

    `first` calls the first offered tool. `uniform` calls a tool that is drawn uniformly.
    """

    first: float
    uniform: float


def chance(cases: Sequence[Case]) -> Chance:
    """The exact scores of both policies. For the policy `uniform`, this is the expected score.

    Both policies make one call. So they fail in every case that expects several calls. The scores are 0 if no case
    expects a call.
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
    """The higher `selection.tool` of the two policies."""
    known = chance(cases)
    return max(known.first, known.uniform)
