"""Writes durations and rates in words, for lines that a person reads while waiting."""

from __future__ import annotations

__all__ = ["duration", "rate"]

_UNITS = ((86_400, "days"), (3_600, "hours"), (60, "minutes"))
_LEAST = 1.95
"""A duration is shown in a unit only if it is at least this number of units long. For example, 110 s is not shown in
minutes.
"""


def duration(seconds: float) -> str:
    """Return a duration with about two digits, for example `40 s`, `12 minutes` or `2.5 hours`.

    Args:
        seconds: The duration in seconds.
    """
    for size, name in _UNITS:
        if seconds >= _LEAST * size:
            count = seconds / size
            digits = 1 if count < 9.95 and size > 60 else 0
            return f"{count:.{digits}f} {name}"
    return f"{seconds:.0f} s"


def rate(count: float, seconds: float, unit: str) -> str:
    """Return a rate in words, for example `12 answers per second`.

    If the rate is less than one per second, return the time for each piece, for example `22 s per answer`.

    Args:
        count: Number of pieces.
        seconds: The time that all pieces took, in seconds.
        unit: The name of one piece, for example `answer`.
    """
    a_second = count / max(seconds, 1e-9)
    if a_second >= 1:
        return f"{a_second:,.{1 if a_second < 9.95 else 0}f} {unit}s per second"
    piece = seconds / max(count, 1e-9)
    return f"{f'{piece:.1f} s' if piece < 9.95 else duration(piece)} per {unit}"
