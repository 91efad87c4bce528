"""Estimates how long the answers of a run will be, from the answers so far.

At the start of a run, nothing is known. Later some answers have ended, and others are longer than a known number of
tokens. Both are used: for each range of lengths, the rate at which answers end is estimated from the number of answers
that ended in the range and the number of tokens that were written in the range (the life table of actuaries; Kaplan and
Meier, "Nonparametric estimation from incomplete observations", 1958). A prior counts like a few more answers. The prior
has many answers of 10 to 60 tokens and a few that never end by themselves, as small models write them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from math import inf, log

__all__ = ["AnswerLengths"]

_BOUNDS = (0, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16_384)
"""The ranges of lengths, in tokens. Within a range, every token has the same chance to be the last one."""

_PRIOR_SHAPE, _PRIOR_SCALE = 1.5, 40.0
"""In the prior, an answer is longer than x tokens with probability (1 + x / scale) ** -shape."""

_PRIOR_ANSWERS = 2.0
"""The prior counts like this number of answers."""

_LEAST_FACTOR, _MOST_FACTOR = 0.02, 2.0
"""If answers end more rarely or more often in a range than in the prior, the same is expected of the next range, within
these factors. So answers that repeat themselves are expected to go on."""


class AnswerLengths:
    """The lengths of answers in tokens.

    Args:
        longest: The largest number of tokens of an answer.
    """

    def __init__(self, longest: int) -> None:
        self.longest = longest
        self._ended = [0] * len(_BOUNDS)
        self._written = [0.0] * len(_BOUNDS)

    def add(self, length: int) -> None:
        """Add an answer that ended. An answer that was cut at the largest length says only that it is longer."""
        self._ended[bisect_right(_BOUNDS, length - 1) - 1] += length < self.longest
        _spread(length, self._written)

    def expected(self, running: Sequence[int], waiting: int) -> tuple[list[float], list[float]]:
        """Expected numbers of further tokens.

        The numbers are quantiles, so that they have the spread of real answers: a batch waits for its longest answer.

        Args:
            running: Lengths so far of the answers that are being written.
            waiting: Number of the answers that have not begun.

        Returns:
            The further tokens of each running answer, and the tokens of each waiting answer.
        """
        written = list(self._written)
        for length in running:
            _spread(length, written)
        factor = 1.0
        risk = [0.0]  # the logarithm of the share of answers that are longer than each bound, times -1
        for (low, high), ended, tokens in zip(pairwise(_BOUNDS), self._ended, written, strict=False):
            prior = _PRIOR_SHAPE * log((_PRIOR_SCALE + high) / (_PRIOR_SCALE + low)) / (high - low)
            weight = _PRIOR_ANSWERS * (high - low)
            found = (weight * prior * factor + ended) / (weight + tokens)
            factor = min(max(found / prior, _LEAST_FACTOR), _MOST_FACTOR)
            risk.append(risk[-1] + (high - low) * found)

        def longer(length: float, share: float) -> float:
            """The number of further tokens, than which `share` of the answers with this length have more."""
            return min(_at(risk, _risk(risk, length) - log(share)), self.longest) - length

        shares = _shares(len(running) + waiting)
        further = [max(1.0, longer(length, share)) for length, share in zip(running, shares, strict=False)]
        return further, [max(1.0, longer(0, share)) for share in shares[len(running) :]]


def _spread(length: int, written: list[float]) -> None:
    """Add the tokens of an answer to the ranges that they are in."""
    for index, low in enumerate(_BOUNDS):
        if low >= length:
            break
        high = _BOUNDS[index + 1] if index + 1 < len(_BOUNDS) else inf
        written[index] += min(length, high) - low


def _risk(risk: Sequence[float], length: float) -> float:
    index = min(bisect_right(_BOUNDS, length), len(_BOUNDS) - 1) - 1
    low, high = _BOUNDS[index], _BOUNDS[index + 1]
    return risk[index] + (risk[index + 1] - risk[index]) * (length - low) / (high - low)


def _at(risk: Sequence[float], value: float) -> float:
    """The length at which the risk reaches `value`."""
    if value >= risk[-1]:
        return _BOUNDS[-1]
    index = bisect_right(risk, value) - 1
    low, high = _BOUNDS[index], _BOUNDS[index + 1]
    return low + (high - low) * (value - risk[index]) / (risk[index + 1] - risk[index])


def _shares(count: int) -> list[float]:
    """Evenly spaced shares between 0 and 1, in an order in which each part of the list is evenly spaced too."""
    golden = (5**0.5 - 1) / 2
    return [1 - ((index + 0.5) * golden) % 1 for index in range(count)]
