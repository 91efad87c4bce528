"""The line that tells how far a training is."""

from __future__ import annotations

from collections.abc import Mapping

from toolmark.benchmark.core.durations import duration

__all__ = ["curve_line"]


def curve_line(point: Mapping[str, float]) -> str:
    """Return a point of the curve in words, for example `step 12 of 300, about 4 minutes left, loss 1.2`.

    Args:
        point: Figures by name. The entry `of` is the number of all steps. The entry `seconds_left` is the time left.
    """
    figures = dict(point)
    steps, left = figures.pop("of", None), figures.pop("seconds_left", None)
    said = [f"{name} {value:,}" for name, value in figures.items()]
    if steps is not None and said:
        said[0] = f"{said[0]} of {steps:,}"
    if left is not None:
        said.insert(1, f"about {duration(left)} left")
    return ", ".join(said)
