"""How many requests are under way at once.

Additive increase, multiplicative decrease: each answer widens the window by a fraction of one request, a server that
says "too many" halves it. Reference: Chiu and Jain, "Analysis of the increase and decrease algorithms for congestion
avoidance in computer networks", 1989.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from heapq import heappop, heappush
from itertools import count

__all__ = ["Window"]

_SECONDS_BETWEEN_HALVINGS = 1.0


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
