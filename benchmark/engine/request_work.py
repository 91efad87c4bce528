"""Estimates the time of served generation from the sizes of the prompts and the times of the answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

__all__ = ["RequestWork"]

_TOKENS_OF_AN_ANSWER = 60
_CHARACTERS_OF_A_TOKEN = 4
_READING = 0.05
"""Assumed time in which a server reads a prompt token, divided by the time in which it writes a token of an answer."""


class RequestWork:
    """Counts the answered requests to a served model, and estimates the time that is left.

    Args:
        characters: Number of characters in each prompt.
        at_once: Highest number of requests at the same time.
        ready: A function that is called once, as soon as enough requests were answered for an estimate.
        clock: A function that returns the time in seconds.

    Attributes:
        answers: Number of requests.
        answered: Number of requests that were answered or refused.
    """

    def __init__(
        self,
        characters: Sequence[int],
        at_once: int,
        ready: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.answers = len(characters)
        self.answered = 0
        self._weights = [_TOKENS_OF_AN_ANSWER + _READING * size / _CHARACTERS_OF_A_TOKEN for size in characters]
        self._at_once, self._ready, self._clock = at_once, ready, clock
        self._began = clock()
        self._done = 0.0

    def ended(self, number: int) -> None:
        """Report that the request with this number was answered or refused."""
        self.answered += 1
        self._done += self._weights[number]
        if self.answered == min(self._at_once, self.answers):
            self._ready()

    @property
    def state(self) -> str:
        """Return in words how many requests wait for an answer."""
        return f"{min(self._at_once, self.answers - self.answered)} requests sent"

    @property
    def seconds_left(self) -> float | None:
        """Return the time that is left, in seconds. None before the first answer."""
        rest = sum(self._weights) - self._done
        # The assumption is that a request that was sent but not answered is half done on average.
        sent = rest * min(1.0, self._at_once / max(1, self.answers - self.answered)) / 2
        return None if not self.answered else (self._clock() - self._began) / (self._done + sent) * (rest - sent)

    def seconds_of(self, answers: int) -> float | None:
        """Return the time that a run with this number of answers needs, in seconds. None before the first answer."""
        left = self.seconds_left
        return None if left is None else (self._clock() - self._began + left) * answers / self.answers
