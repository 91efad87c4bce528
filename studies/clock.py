"""Measures wall-clock time by label.

If one label is inside another label, the time of the outer label excludes the time of the inner label.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import contextmanager
from functools import wraps
from inspect import isgeneratorfunction
from typing import Any

__all__ = ["Clock"]


class Clock:
    """Counts seconds and calls for each label, in one thread.

    Attributes:
        seconds: Seconds of each label, without the seconds of inner labels.
        calls: Number of times that each label was entered.
    """

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self._open: list[str] = []
        self._since = time.perf_counter()

    def _switch(self) -> None:
        now = time.perf_counter()
        if self._open:
            self.seconds[self._open[-1]] += now - self._since  # type: ignore[assignment]
        self._since = now

    @contextmanager
    def within(self, label: str) -> Iterator[None]:
        """Add the time of this block to `label`."""
        self._switch()
        self._open.append(label)
        self.calls[label] += 1
        try:
            yield
        finally:
            self._switch()
            self._open.pop()

    def inside(self, labels: Collection[str]) -> bool:
        """Return whether the current code runs inside one of `labels`."""
        return any(label in labels for label in self._open)

    def wrap(self, owner: Any, name: str, label: str) -> None:
        """Replace a function of a class or a module by a function that also measures the time.

        For a generator function, the time of the caller between two values is not measured.
        """
        work: Callable[..., Any] = getattr(owner, name)

        @wraps(work)
        def counted(*arguments: Any, **named: Any) -> Any:
            with self.within(label):
                return work(*arguments, **named)

        @wraps(work)
        def stepped(*arguments: Any, **named: Any) -> Generator[Any, None, None]:
            steps = work(*arguments, **named)
            while True:
                with self.within(label):
                    try:
                        value = next(steps)
                    except StopIteration:
                        return
                yield value

        setattr(owner, name, stepped if isgeneratorfunction(work) else counted)
