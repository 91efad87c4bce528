"""What choosing a tool without reading the question would score."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from toolmark.benchmark.data.cases import Abstain, Case

__all__ = ["Chance", "chance", "selection_by_chance"]


@dataclass(frozen=True, slots=True)
class Chance:
    """`selection.tool` of a policy that calls the first tool offered, and of one that draws it uniformly."""

    first: float
    uniform: float


def chance(cases: Sequence[Case]) -> Chance:
    """Both policies' scores, exactly: the uniform one's is its expectation.

    Both make one call, so that they miss every case that expects several. 0 where no case expects a call.
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
    """`selection.tool` of the better of the two."""
    known = chance(cases)
    return max(known.first, known.uniform)
