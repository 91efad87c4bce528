"""Splits the conversations of each optimizer step into forward passes, one or more for each process.

Conversations with the same beginning share its tokens only within a pass (`shared_prefixes.py`). So a step is split
where few tokens are shared, and the passes of a step have similar sizes. The split does not change the loss of a step,
because the loss is divided by the weights of the whole step.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from toolmark.benchmark.core.common_beginning import common_beginning

if TYPE_CHECKING:
    from toolmark.benchmark.engine.encoding import Encoded

__all__ = ["passes_that_fit", "split_steps"]


def passes_that_fit(
    examples: Sequence[Encoded], order: Sequence[int], of_a_step: int, tokens: int, *, packed: bool
) -> int:
    """Return the lowest number of passes for each step with which every pass has at most `tokens` tokens.

    A conversation with more tokens is a pass of its own.

    Args:
        examples: The examples.
        order: The order in which the training reads the examples, as indices into `examples`.
        of_a_step: Number of conversations in an optimizer step.
        tokens: Highest number of tokens of a pass.
        packed: Whether a pass is one packed row. Otherwise a pass has padded rows.
    """
    steps = _steps(examples, order, of_a_step)
    return max(len(_first_of_runs(step, tokens, packed=packed)) for step in steps)


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
    for first, step in zip(range(0, len(order), of_a_step), _steps(examples, order, of_a_step), strict=True):
        runs = _runs(step, passes, packed=packed)
        found += [tuple(order[first + at] for at in run) for run in runs] + [()] * (passes - len(runs))
    return found


@dataclass(frozen=True, slots=True)
class _Step:
    """The conversations of an optimizer step.

    Attributes:
        lengths: Number of tokens of each conversation.
        shared: Number of tokens at the beginning of each conversation that the conversation before it has, too.
    """

    lengths: Sequence[int]
    shared: Sequence[int]


def _steps(examples: Sequence[Encoded], order: Sequence[int], of_a_step: int) -> Iterator[_Step]:
    for first in range(0, len(order), of_a_step):
        step = [examples[index] for index in order[first : first + of_a_step]]
        shared = [0, *(common_beginning(one.prompt, other.prompt) for one, other in pairwise(step))]
        yield _Step([len(example.ids) for example in step], shared)


def _runs(step: _Step, most: int, *, packed: bool) -> list[range]:
    """Return at most `most` runs of neighbouring conversations. The largest run has as few tokens as possible."""
    count, longest = len(step.lengths), max(step.lengths)
    limits = range(longest, count * longest + 1)
    fits = bisect_left(limits, True, key=lambda limit: len(_first_of_runs(step, limit, packed=packed)) <= most)
    starts = _first_of_runs(step, limits[fits], packed=packed)
    return [range(*pair) for pair in pairwise([*starts, count])]


def _first_of_runs(step: _Step, limit: int, *, packed: bool) -> list[int]:
    """Return the first conversations of the fewest runs that have at most `limit` tokens each."""
    starts: list[int] = []
    rows = longest = tokens = 0
    for at, (length, shared) in enumerate(zip(step.lengths, step.shared, strict=True)):
        rows, longest, tokens = rows + 1, max(longest, length), tokens + length - shared
        if not starts or (tokens if packed else rows * longest) > limit:
            starts.append(at)
            rows, longest, tokens = 1, length, length
    return starts
