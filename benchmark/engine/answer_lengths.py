"""Estimates how long the answers of a run will be, from the answers so far.

The estimate uses answers that have ended, and also answers that are still being written. The lengths are divided into
ranges. For each range, this share is computed: how many of the answers that reached the range also ended in this range.
The table of these shares is a life table (Kaplan and Meier, "Nonparametric estimation from incomplete observations",
1958).

At the start of a run, no answer has ended. So an assumed distribution of lengths is added to the real answers. This
distribution is called the prior, and counts like a few answers.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from math import exp, log

__all__ = ["AnswerLengths"]

_PRIOR = {
    0: 1.0,
    8: 0.97,
    12: 0.93,
    16: 0.88,
    20: 0.76,
    24: 0.64,
    28: 0.54,
    32: 0.45,
    40: 0.36,
    48: 0.3,
    64: 0.22,
    96: 0.14,
    128: 0.1,
    192: 0.08,
    256: 0.07,
    384: 0.06,
    512: 0.055,
    1024: 0.05,
    2048: 0.045,
    4096: 0.04,
    8192: 0.035,
    16_384: 0.03,
}
"""The prior: for each number of tokens, the share of answers that are longer. These shares lie between the shares of
`pocket` and those of a general chat model with 135M parameters. Both models were measured on the shipped cases. Inside
a range, each token is the last token of an answer with the same probability."""

_BOUNDS = tuple(_PRIOR)

_PRIOR_ANSWERS = 4.0
"""The number of real answers that the prior counts for."""

_LONG, _LEAST_FACTOR, _MOST_FACTOR = 32, 0.02, 2.0
"""The rate of a range says how often answers end in it. In ranges above `_LONG` tokens, the rate of the prior is
multiplied by a factor: the estimated rate of the range before, divided by the rate of the prior in that range. The
factor is between `_LEAST_FACTOR` and `_MOST_FACTOR`. So if long answers seldom end, for example because their text
repeats, the estimate expects that even longer answers seldom end, too."""


class AnswerLengths:
    """Collects the lengths of answers, and estimates the lengths of further answers. All lengths are in tokens.

    Args:
        longest: Highest number of tokens of an answer. Longer answers are cut.
    """

    def __init__(self, longest: int) -> None:
        self.longest = longest
        self._ended: Counter[int] = Counter()
        self._cut = 0

    def add(self, length: int) -> None:
        """Add a finished answer. An answer of the highest length was cut, so its own end is not known."""
        if length < self.longest:
            self._ended[_range(length)] += 1
        else:
            self._cut += 1

    def expected(self, running: Sequence[int], waiting: int) -> tuple[list[float], list[float]]:
        """Return the expected number of tokens that each answer still needs.

        The numbers are quantiles of the estimated distribution, and not its mean. So the numbers vary like the lengths
        of real answers. This is needed, because a batch waits for its longest answer.

        Args:
            running: Lengths so far of the answers that are being written.
            waiting: Number of answers that have not begun.

        Returns:
            Two lists: the number of further tokens for each running answer, and the number of tokens for each waiting
            answer.
        """
        continued = Counter(map(_range, running))
        at_risk = self._ended.total() + self._cut + len(running)
        factor = 1.0
        risk = [0.0]  # for each bound of a range: minus the logarithm of the share of answers that are longer
        for index, (low, high) in enumerate(pairwise(_BOUNDS)):
            prior = log(_PRIOR[low] / _PRIOR[high])
            # An answer that is still being written in this range counts half, as in a life table.
            known = at_risk - continued[index] / 2
            ending = 1 - exp(-prior * factor)
            share = (self._ended[index] + _PRIOR_ANSWERS * ending) / (known + _PRIOR_ANSWERS)
            found = -log(1 - share)
            if low >= _LONG:
                factor = min(max(found / prior, _LEAST_FACTOR), _MOST_FACTOR)
            risk.append(risk[-1] + found)
            at_risk -= self._ended[index] + continued[index]
            if high >= self.longest:
                at_risk = 0

        def longer(length: float, share: float) -> float:
            """Return n, so that of the answers with this length, the share `share` needs more than n further tokens."""
            return min(_at(risk, _risk(risk, length) - log(share)), self.longest) - length

        shares = _shares(len(running) + waiting)
        further = [max(1.0, longer(length, share)) for length, share in zip(running, shares, strict=False)]
        return further, [max(1.0, longer(0, share)) for share in shares[len(running) :]]


def _range(length: int) -> int:
    """Return the index of the range that contains a length."""
    return bisect_left(_BOUNDS, length, hi=len(_BOUNDS) - 1) - 1


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
    """Return `count` shares that are evenly spread between 0 and 1. The shares in each part of the list are, too."""
    golden = (5**0.5 - 1) / 2
    return [1 - ((index + 0.5) * golden) % 1 for index in range(count)]
