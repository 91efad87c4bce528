"""What choosing a tool without reading the question would score."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from benchmark.cases import Abstain, Case

__all__ = ["selection_by_chance"]


def selection_by_chance(cases: Sequence[Case]) -> float:
    """`selection.tool` of the better of two policies, exactly: always the first tool offered, or one drawn uniformly.

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
    return max(sum(first), sum(uniform)) / len(first) if first else 0.0
