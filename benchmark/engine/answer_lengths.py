"""Estimates how long the answers of a run will be, from the answers so far.

The estimate uses answers that have ended, and also answers that are still being written. The lengths are divided into
ranges. In each range, the rate of ending is the number of answers that ended in the range, divided by the number of
tokens that were written in the range. This is a life table (Kaplan and Meier, "Nonparametric estimation from incomplete
observations", 1958).

At the start of a run, no answer has ended. So an assumed distribution of lengths (the prior) is added, which counts
like a few more answers. In the prior, many answers have 10 to 60 tokens, and a few answers never end by themselves.
Small models write such answers.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from math import inf, log

__all__ = ["AnswerLengths"]

_BOUNDS = (0, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16_384)
"""The bounds of the ranges, in tokens. Within a range, every token is the last token with the same probability."""

_PRIOR_SHAPE, _PRIOR_SCALE = 1.5, 40.0
"""In the prior, an answer is longer than x tokens with probability (1 + x / scale) ** -shape."""

_PRIOR_ANSWERS = 2.0
"""The prior counts like this number of answers."""

_LEAST_FACTOR, _MOST_FACTOR = 0.02, 2.0
"""Lowest and highest factor by which the prior of a range is changed. The factor is the measured rate of the range
before, divided by its prior. So if long answers seldom end, even longer answers are expected to end seldom too."""


class AnswerLengths:
    """Collects the lengths of answers, and estimates the lengths of further answers. All lengths are in tokens.

    Args:
        longest: Highest number of tokens of an answer. Longer answers are cut.
    """

    def __init__(self, longest: int) -> None:
        self.longest = longest
        self._ended = [0] * len(_BOUNDS)
        self._written = [0.0] * len(_BOUNDS)

    def add(self, length: int) -> None:
        """Add a finished answer. If it has the highest length, it counts as an answer that was cut and has no end."""
        self._ended[bisect_right(_BOUNDS, length - 1) - 1] += length < self.longest
        _spread(length, self._written)

    def expected(self, running: Sequence[int], waiting: int) -> tuple[list[float], list[float]]:
        """Return expected numbers of tokens that are still to be written.

        The numbers are quantiles of the distribution, not its mean. So they vary like the lengths of real answers. This
        is needed, because a batch waits for its longest answer.

        Args:
            running: Lengths so far of the answers that are being written.
            waiting: Number of answers that have not begun.

        Returns:
            The number of further tokens for each running answer, and the number of tokens for each waiting answer.
        """
        written = list(self._written)
        for length in running:
            _spread(length, written)
        factor = 1.0
        risk = [0.0]  # for each bound: minus the logarithm of the share of answers that are longer
        for (low, high), ended, tokens in zip(pairwise(_BOUNDS), self._ended, written, strict=False):
            prior = _PRIOR_SHAPE * log((_PRIOR_SCALE + high) / (_PRIOR_SCALE + low)) / (high - low)
            weight = _PRIOR_ANSWERS * (high - low)
            found = (weight * prior * factor + ended) / (weight + tokens)
            factor = min(max(found / prior, _LEAST_FACTOR), _MOST_FACTOR)
            risk.append(risk[-1] + (high - low) * found)

        def longer(length: float, share: float) -> float:
            """Return a number of further tokens. A share of `share` of the answers with this length has more tokens."""
            return min(_at(risk, _risk(risk, length) - log(share)), self.longest) - length

        shares = _shares(len(running) + waiting)
        further = [max(1.0, longer(length, share)) for length, share in zip(running, shares, strict=False)]
        return further, [max(1.0, longer(0, share)) for share in shares[len(running) :]]


def _spread(length: int, written: list[float]) -> None:
    """Add each token of an answer to the range of its position in the answer."""
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
    """Return the length at which the risk reaches `value`."""
    if value >= risk[-1]:
        return _BOUNDS[-1]
    index = bisect_right(risk, value) - 1
    low, high = _BOUNDS[index], _BOUNDS[index + 1]
    return low + (high - low) * (value - risk[index]) / (risk[index + 1] - risk[index])


def _shares(count: int) -> list[float]:
    """Return `count` evenly spread shares between 0 and 1. Every part of the list is evenly spread too."""
    golden = (5**0.5 - 1) / 2
    return [1 - ((index + 0.5) * golden) % 1 for index in range(count)]
