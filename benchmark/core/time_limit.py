"""Runs a function for a limited time."""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

__all__ = ["within"]

T = TypeVar("T")


def within(seconds: float, work: Callable[[], T]) -> T:
    """Call `work`, and wait for its result for at most `seconds`.

    The limit holds even for steps that have no time-out of their own, for example for a look-up in DNS. After the
    limit, `work` goes on in a daemon thread. This thread does not stop the process from ending.

    Raises:
        TimeoutError: There was no result in time.
        Exception: The error of `work`.
    """
    results: SimpleQueue[T | Exception] = SimpleQueue()

    def put() -> None:
        try:
            results.put(work())
        except Exception as error:
            results.put(error)

    Thread(target=put, daemon=True).start()
    try:
        result = results.get(timeout=seconds)
    except Empty:
        raise TimeoutError(f"no answer in {seconds:g} s") from None
    if isinstance(result, Exception):
        raise result
    return result
