"""Defines the options of requests to a served model, with their defaults."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["RequestLimits"]


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """Limits on the requests to a served model, and what the requests ask for.

    These options do not change completions, so they are not part of the identity of a run.

    Attributes:
        connections: Largest number of requests at the same time.
        timeout: Longest time that one request is allowed to take, in seconds.
        retries: A failed request is sent again at most this number of times.
        logprobs: Whether log-probabilities of tokens are requested.
    """

    connections: int = 10
    timeout: float = 600.0
    retries: int = 8
    logprobs: bool = False
