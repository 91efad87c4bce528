"""How many requests a generation may send, and what they may cost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from toolmark.benchmark.data.completions import Usage

__all__ = ["Budget", "Price", "Stopped"]


class Stopped(Exception):
    """A limit that the user set has been reached."""


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

    @contextmanager
    def request(self) -> Iterator[None]:
        """One request, counted; it is under way while the context is open.

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
        try:
            yield
        finally:
            self._open -= 1

    def add(self, usage: Usage, cost: float) -> None:
        """Count the tokens and dollars of a reply."""
        self.cost += cost
        self.input_tokens += usage.input_tokens
        self.output_tokens += usage.output_tokens
        self._dearest = max(self._dearest, cost)
