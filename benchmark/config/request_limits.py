"""Limits on the requests to a served model, with their defaults."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["RequestLimits"]


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """Limits on the number of simultaneous requests to a served model, and on the time of each request.

    These limits change no completion. So they are not part of a run's identity.

    Attributes:
        connections: The largest number of requests at the same time.
        timeout: Seconds that one request may take.
        retries: The largest number of times that a failed request is sent again.
    """

    connections: int = 10
    timeout: float = 600.0
    retries: int = 8
