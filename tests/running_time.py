"""Compares the running times of a program on a short and a long text. The speed of the machine does not matter."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["is_nearly_linear"]

_LONGER = 8
_TIMES = 3


def is_nearly_linear(work: Callable[[str], object], long: str) -> bool:
    """Return whether `work` needs less than 32 times as long for a text that is 8 times as long.

    A linear program needs 8 times as long, and a quadratic one 64 times. Another program can disturb a measurement, so
    the best of three counts. A long text that needs less than 50 milliseconds is quick enough.
    """

    def seconds(text: str) -> float:
        began = time.process_time()
        work(text)
        return time.process_time() - began

    def is_quick() -> bool:
        needed = seconds(long)
        return needed < 0.05 or needed < 4 * _LONGER * seconds(long[: len(long) // _LONGER])

    return any(is_quick() for _ in range(_TIMES))
