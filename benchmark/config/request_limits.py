"""Defines the limits on requests to a served model, with their defaults."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["RequestLimits"]


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """Limits on the requests to a served model.

    The limits do not change completions, so they are not part of the identity of a run.

    Attributes:
        connections: Largest number of requests at the same time.
        timeout: Longest time that one request is allowed to take, in seconds.
        retries: A failed request is sent again at most this number of times.
    """

    connections: int = 10
    timeout: float = 600.0
    retries: int = 8
