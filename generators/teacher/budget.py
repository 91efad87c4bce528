"""The limits of a generation: the highest number of requests, and the highest cost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from toolmark.benchmark.data.completions import Usage

__all__ = ["Budget", "LimitReached", "Price"]


class LimitReached(Exception):
    """A limit that the user set is reached. The message names the limit."""


@dataclass(frozen=True, slots=True)
class Price:
    """The price of a model, in dollars per million input tokens and per million output tokens."""

    input: float
    output: float

    def of(self, usage: Usage) -> float:
        """Return the price of one reply, in dollars."""
        return (usage.input_tokens * self.input + usage.output_tokens * self.output) / 1e6


@dataclass
class Budget:
    """The requests, tokens and dollars that this run has used, and the limits of this run.

    Attributes:
        max_requests: Highest number of requests; None for no limit. Failed requests are counted, because some providers
            charge for them.
        max_cost: Highest cost in dollars; None for no limit.
        requests: Number of requests sent.
        cost: Cost of the replies so far, in dollars.
        input_tokens: Tokens that the models have read so far.
        output_tokens: Tokens that the models have written so far.
    """

    max_requests: int | None = None
    max_cost: float | None = None
    requests: int = 0
    cost: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    _highest_cost: float = field(default=0.0, repr=False)
    _running: int = field(default=0, repr=False)

    @contextmanager
    def request(self) -> Iterator[None]:
        """Count one request. The request counts as running until the end of the `with` block.

        Raises:
            LimitReached: The limit of requests is reached, or this request could exceed the limit of cost.
        """
        if self.max_requests is not None and self.requests >= self.max_requests:
            raise LimitReached(f"--max-requests {self.max_requests} is reached")
        # The cost of a running request is not known yet. Assume the cost of the most expensive reply so far.
        if self.max_cost is not None and self.cost + (self._running + 1) * self._highest_cost > self.max_cost:
            raise LimitReached(
                f"the next request could exceed --max-cost {self.max_cost:g} ({self.cost:.4f} dollars are spent)"
            )
        self.requests += 1
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1

    def add(self, usage: Usage, cost: float) -> None:
        """Add the tokens and the cost of a reply."""
        self.cost += cost
        self.input_tokens += usage.input_tokens
        self.output_tokens += usage.output_tokens
        self._highest_cost = max(self._highest_cost, cost)
