"""Limits the number of requests that are sent at the same time.

The limit adapts to the server (additive increase, multiplicative decrease). Each completion raises the limit by less
than one request. If the server answers "too many requests", the limit is halved. Reference: Chiu and Jain, "Analysis of
the increase and decrease algorithms for congestion avoidance in computer networks", 1989.
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
    """Allows at most `int(limit)` requests at the same time. The other requests wait.

    Args:
        most: The highest limit. The limit has this value at the start.

    Attributes:
        limit: The current limit.
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
        """Wait until another request can be sent. Inside the `with` block, the request counts as being sent.

        Args:
            order: The order of the request. Of all waiting requests, the one with the lowest order is sent first.
        """
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
        """Raise the limit a little, after a request was answered."""
        self.limit = min(self._most, self.limit + 1 / self.limit)

    def refused(self) -> None:
        """Halve the limit, after the server refused a request because of too many requests.

        Requests that were sent together are often refused together. So the limit is halved at most once per second.
        """
        now = time.monotonic()
        if now - self._halved >= _SECONDS_BETWEEN_HALVINGS:
            self._halved = now
            self.limit = max(1.0, self.limit / 2)
