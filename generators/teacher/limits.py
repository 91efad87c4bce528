"""How many requests at once, and how many at all.

Additive increase, multiplicative decrease: each answer widens the window by a fraction of one connection, a 429 halves
it. Reference: Chiu and Jain, "Analysis of the increase and decrease algorithms for congestion avoidance", 1989.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count

from benchmark.completions import Usage

__all__ = ["Budget", "Price", "Stopped", "Window"]

_SECONDS_BETWEEN_HALVINGS = 1.0


class Stopped(Exception):
    """A limit that the user set has been reached."""


class Window:
    """At most `int(limit)` requests are inside at once; of those that wait, the first in order goes first.

    Args:
        most: The widest that it may become, and the width at the start.
    """

    def __init__(self, most: int) -> None:
        self._most = float(most)
        self.limit = float(most)
        self._inside = 0
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._arrivals = count()
        self._halved = float("-inf")

    @asynccontextmanager
    async def place(self, order: int) -> AsyncIterator[None]:
        """A place inside, while the context is open."""
        free: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heappush(self._waiting, (order, next(self._arrivals), free))
        self._let_in()
        try:
            await free
        except asyncio.CancelledError:
            if free.done() and not free.cancelled():
                self._leave()
            raise
        try:
            yield
        finally:
            self._leave()

    def _let_in(self) -> None:
        while self._waiting and self._inside < int(self.limit):
            _, _, free = heappop(self._waiting)
            if not free.done():
                self._inside += 1
                free.set_result(None)

    def _leave(self) -> None:
        self._inside -= 1
        self._let_in()

    def answered(self) -> None:
        """A request was answered: a little wider."""
        self.limit = min(self._most, self.limit + 1 / self.limit)

    def refused(self) -> None:
        """A request was one too many: half as wide; those that were sent together count once."""
        now = time.monotonic()
        if now - self._halved >= _SECONDS_BETWEEN_HALVINGS:
            self._halved = now
            self.limit = max(1.0, self.limit / 2)


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars per million tokens."""

    input: float
    output: float

    def of(self, usage: Usage) -> float:
        """Dollars of one reply."""
        return (usage.input_tokens * self.input + usage.output_tokens * self.output) / 1e6


@dataclass
class Budget:
    """What this run has used and may use.

    Attributes:
        max_requests: None for no limit. Failed requests count: a provider may bill them.
        max_cost: Dollars; None for no limit.
        requests: Sent by this run.
        cost: Dollars of the replies to this run.
        usage: Tokens of the replies to this run.
    """

    max_requests: int | None = None
    max_cost: float | None = None
    requests: int = 0
    cost: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    _dearest: float = field(default=0.0, repr=False)
    _open: int = field(default=0, repr=False)

    def take(self) -> None:
        """Count a request that is about to be sent.

        Raises:
            Stopped: It would be one too many, or might cost too much.
        """
        if self.max_requests is not None and self.requests >= self.max_requests:
            raise Stopped(f"--max-requests {self.max_requests} is reached")
        # What is under way is not billed yet: it may cost as much as the dearest reply so far.
        if self.max_cost is not None and self.cost + (self._open + 1) * self._dearest > self.max_cost:
            raise Stopped(f"--max-cost {self.max_cost:g} is reached: {self.cost:.4f} dollars are spent")
        self.requests += 1
        self._open += 1

    def close(self) -> None:
        """A request that was taken has ended, one way or the other."""
        self._open -= 1

    def add(self, usage: Usage, cost: float) -> None:
        """Count the tokens and dollars of a reply."""
        self.cost += cost
        self.input_tokens += usage.input_tokens
        self.output_tokens += usage.output_tokens
        self._dearest = max(self._dearest, cost)
