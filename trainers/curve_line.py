"""The line that tells how far a training is."""

from __future__ import annotations

from collections.abc import Mapping

from toolmark.benchmark.core.durations import duration

__all__ = ["CurveLine"]


class CurveLine:
    """The newest point of a training's curve, in words."""

    def __init__(self) -> None:
        self._point: Mapping[str, float] = {}

    def add(self, point: Mapping[str, float]) -> None:
        """Receive a point of the curve. The entry `of` is the number of all steps."""
        self._point = point

    def __call__(self) -> str:
        """Return the step and its figures, for example `step 12 of 300, loss 1.2, about 4 minutes left`."""
        if not self._point:
            return "preparing the training"
        figures = dict(self._point)
        steps, left = figures.pop("of", None), figures.pop("seconds_left", None)
        words = [f"{name} {value:,}" for name, value in figures.items()]
        if steps is not None:
            words[0] = f"{words[0]} of {steps:,}"
        if left is not None:
            words.append(f"about {duration(left)} left")
        return ", ".join(words)
