"""Prints the estimated times of runs, and the numbers of generated and reused answers."""

from __future__ import annotations

from toolmark.benchmark.core.durations import duration
from toolmark.benchmark.core.printing import printable, say
from toolmark.benchmark.engine.generation_progress import Forecast
from toolmark.benchmark.evaluation.contestant import Contestant
from toolmark.benchmark.evaluation.observer import Observer

__all__ = ["TerminalObserver"]

_SHORT_RUN = 120.0
"""For a run of at most this many seconds, no estimate is printed."""

_SMALL_LIMIT = 100
"""The value of `--limit` that is proposed for a shorter run."""


class TerminalObserver(Observer):
    """Prints the estimated time of a long run, and how many answers were generated and reused."""

    def say(self, line: str) -> None:
        """Print the line."""
        print(printable(line), flush=True)  # noqa: T201

    def forecast(self, contestant: Contestant, forecast: Forecast) -> None:
        """Print the estimate of a long run. If there are many cases, also print how long a sample would take."""
        if forecast.seconds <= _SHORT_RUN:
            return
        line = f"{contestant.name}: about {duration(forecast.seconds)} on this machine"
        if contestant.run.reused == 0 and forecast.cases >= 2 * _SMALL_LIMIT:
            line += f"; --limit {_SMALL_LIMIT} about {duration(forecast.seconds_of(_SMALL_LIMIT))}"
        say(line)

    def generated(self, contestant: Contestant, seconds: float) -> None:
        """Print how many answers were generated and how many were reused."""
        run, name = contestant.run, contestant.name
        for note in run.notes:
            say(f"{name}: {note}")
        say(f"{name}: {run.made} generated, {run.reused} reused from {run.folder} ({duration(seconds)})")
        lacking = len(run.missing) - len(run.too_long)
        for count, reason in ((len(run.too_long), "are too long for the model"), (lacking, "are not in the recording")):
            if count:
                say(f"{name}: {count} cases were left out, because they {reason}")
