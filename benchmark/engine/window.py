"""How many requests are under way at once.

Additive increase, multiplicative decrease: each answer widens the window by a fraction of one request, a server that
says "too many" halves it. Reference: Chiu and Jain, "Analysis of the increase and decrease algorithms for congestion
avoidance in computer networks", 1989.
"""

from __future__ import annotations

import asyncio
import time
from types import TracebackType

__all__ = ["Window"]

_SECONDS_BETWEEN_HALVINGS = 1.0


class Window:
    """An asynchronous context manager: at most `int(limit)` requests are inside at once.

    Args:
        most: The widest that it may become, and the width at the start.
    """

    def __init__(self, most: int) -> None:
        self._most = float(most)
        self.limit = float(most)
        self._inside = 0
        self._changed = asyncio.Condition()
        self._halved = float("-inf")

    async def __aenter__(self) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._inside < int(self.limit))
            self._inside += 1

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        async with self._changed:
            self._inside -= 1
            self._changed.notify_all()

    def answered(self) -> None:
        """A request was answered: a little wider."""
        self.limit = min(self._most, self.limit + 1 / self.limit)

    def refused(self) -> None:
        """A request was one too many: half as wide; those that were sent together count once."""
        now = time.monotonic()
        if now - self._halved >= _SECONDS_BETWEEN_HALVINGS:
            self._halved = now
            self.limit = max(1.0, self.limit / 2)
