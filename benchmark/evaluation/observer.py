"""Receives the progress of an evaluation."""

from __future__ import annotations

from toolmark.benchmark.engine.generation_progress import Forecast
from toolmark.benchmark.evaluation.contestant import Contestant

__all__ = ["Observer"]


class Observer:
    """Receives the progress of an evaluation and does nothing. A subclass can show the progress."""

    def say(self, line: str) -> None:
        """Receive a line for the user, for example the command that makes the adapter of a recipe."""

    def forecast(self, contestant: Contestant, forecast: Forecast) -> None:
        """Receive the first estimate of the time of a run."""

    def generated(self, contestant: Contestant, seconds: float) -> None:
        """Receive a contestant whose run is now complete.

        Args:
            contestant: The contestant.
            seconds: The time of the run in this evaluation, in seconds.
        """
