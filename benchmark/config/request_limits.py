"""Limits on the requests to a served model, with their defaults."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["RequestLimits"]


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """How many requests a served model gets at the same time, and how long each request may take.

    These limits change no completion. So they are not part of a run's identity.

    Attributes:
        connections: The largest number of requests at the same time.
        timeout: Seconds that one request may take.
        retries: How often a failed request is sent again.
    """

    connections: int = 10
    timeout: float = 600.0
    retries: int = 8
