"""Estimates the time of served generation. Only the sizes of the prompts and the times of the answers are known."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

__all__ = ["RequestWork"]

_TOKENS_OF_AN_ANSWER = 60
_CHARACTERS_OF_A_TOKEN = 4
_READING = 0.05
"""Servers read a prompt token in about this share of the time in which they write a token of the answer."""


class RequestWork:
    """The requests to a served model that were answered, and the time that the rest will take.

    Args:
        characters: Number of characters of each prompt.
        at_once: The largest number of requests at the same time.
        ready: Called once, when enough requests were answered for an estimate.
        clock: Returns the time in seconds.

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
        """What was done so far."""
        return f"{min(self._at_once, self.answers - self.answered)} requests sent"

    @property
    def seconds_left(self) -> float | None:
        """The time that the rest will take. None before the first answer."""
        rest = sum(self._weights) - self._done
        # The requests that were sent are on average half done.
        sent = rest * min(1.0, self._at_once / max(1, self.answers - self.answered)) / 2
        return None if not self.answered else (self._clock() - self._began) / (self._done + sent) * (rest - sent)

    def seconds_of(self, answers: int) -> float | None:
        """The time for this number of answers. None before the first answer."""
        left = self.seconds_left
        return None if left is None else (self._clock() - self._began + left) * answers / self.answers
