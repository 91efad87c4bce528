"""Splits the conversations of each optimizer step into forward passes, one or more for each process.

Conversations with the same beginning share its tokens only within a pass (`shared_prefixes.py`). So a step is split
where few tokens are shared, and the passes of a step have similar sizes. The split does not change the loss of a step,
because the loss is divided by the weights of the whole step.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from toolmark.benchmark.core.common_beginning import common_beginning

if TYPE_CHECKING:
    from toolmark.benchmark.engine.encoding import Encoded

__all__ = ["split_steps"]


def split_steps(
    examples: Sequence[Encoded], order: Sequence[int], of_a_step: int, passes: int, *, packed: bool
) -> list[tuple[int, ...]]:
    """Return the passes of a training.

    Args:
        examples: The examples.
        order: The order in which the training reads the examples, as indices into `examples`.
        of_a_step: Number of conversations in an optimizer step.
        passes: Number of passes in an optimizer step, over all processes.
        packed: Whether a pass is one packed row. Otherwise a pass has padded rows.

    Returns:
        `passes` entries for each step. An entry contains indices into `examples`. The entry is empty if the step is
        split into fewer passes.
    """
    found: list[tuple[int, ...]] = []
    for first in range(0, len(order), of_a_step):
        step = order[first : first + of_a_step]
        runs = _runs([examples[index] for index in step], passes, packed=packed)
        found += [tuple(step[at] for at in run) for run in runs] + [()] * (passes - len(runs))
    return found


def _runs(examples: Sequence[Encoded], most: int, *, packed: bool) -> list[range]:
    """Return at most `most` runs of neighbouring examples. The largest run has as few tokens as possible."""
    lengths = [len(example.ids) for example in examples]
    prompts = [example.prompt for example in examples]
    shared = [0, *(common_beginning(*pair) for pair in pairwise(prompts))]

    def fewest(limit: int) -> list[int]:
        """Return the first examples of the fewest runs that have at most `limit` tokens each."""
        starts: list[int] = []
        rows = longest = tokens = 0
        for at, length in enumerate(lengths):
            rows, longest, tokens = rows + 1, max(longest, length), tokens + length - shared[at]
            if not starts or (tokens if packed else rows * longest) > limit:
                starts.append(at)
                rows, longest, tokens = 1, length, length
        return starts

    limits = range(max(lengths), len(lengths) * max(lengths) + 1)
    limit = limits[bisect_left(limits, True, key=lambda limit: len(fewest(limit)) <= most)]
    starts = fewest(limit)
    return [range(*pair) for pair in zip(starts, [*starts[1:], len(lengths)], strict=True)]
