"""Shows the progress of a run while its answers are generated: what was done, the rate, and the time that is left."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from toolmark.benchmark.core.durations import duration, rate
from toolmark.benchmark.engine.answer_lengths import AnswerLengths
from toolmark.benchmark.engine.request_work import RequestWork
from toolmark.benchmark.engine.token_work import TokenWork, Workload

__all__ = ["Forecast", "GenerationProgress"]


@dataclass(frozen=True, slots=True)
class Forecast:
    """An estimate of the time of a run. It is made soon after the start of the run.

    Attributes:
        seconds: The time of the whole run, in seconds.
        cases: Number of cases to answer.
        seconds_of: A function that returns the time for a sample of the cases, in seconds. Its argument is the number
            of cases in the sample.
    """

    seconds: float
    cases: int
    seconds_of: Callable[[int], float]


class GenerationProgress:
    """The progress of a run. `line` returns the progress in words.

    When an engine begins its work or plans the rest again, it calls a method of this class: a local engine calls
    `local`, a served engine calls `served`. The method returns an object, to which the engine reports each step.

    Args:
        answers: Number of answers of all epochs together.
        forecast: A function that is called once, as soon as there is an estimate. Its argument is the estimate.
        clock: A function that returns the time in seconds.
    """

    def __init__(
        self,
        answers: int = 0,
        forecast: Callable[[Forecast], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._answers, self._forecast, self._clock = answers, forecast, clock
        self._began = clock()
        self._work: TokenWork | RequestWork | None = None
        self._lengths: AnswerLengths | None = None
        self._answered_before = 0
        self._told = False

    def local(self, load: Workload) -> TokenWork:
        """Begin or plan the work of a local engine. Return the object to which the engine reports its work."""
        self._lengths = self._lengths or AnswerLengths(load.longest)
        work = TokenWork(load, self._lengths, self._ready, self._clock)
        self._begin(work)
        return work

    def served(self, characters: Sequence[int], at_once: int) -> RequestWork:
        """Begin the work of a served engine. Return the object to which the engine reports its work.

        The arguments are those of `RequestWork`.
        """
        work = RequestWork(characters, at_once, self._ready, self._clock)
        self._begin(work)
        return work

    def _begin(self, work: TokenWork | RequestWork) -> None:
        if self._work is None:
            self._began = self._clock()
        else:
            self._answered_before += self._work.answered
        self._work = work

    @property
    def seconds_left(self) -> float | None:
        """Return the estimated seconds until all answers are generated, or None if there is no estimate yet."""
        work = self._work
        left = None if work is None else work.seconds_left
        if work is None or left is None:
            return None
        known = self._answered_before + work.answers
        later = max(0, self._answers - known)
        return left + later * (self._clock() - self._began + left) / known

    def line(self) -> str:
        """Return the progress in words: what was done, the rate and the time left."""
        work = self._work
        if work is None:
            return "starting"
        answered = self._answered_before + work.answered
        answers = max(self._answers, self._answered_before + work.answers)
        said = [f"{answered:,} of {answers:,} answered"]
        left = self.seconds_left
        if left is not None:
            passed = self._clock() - self._began
            share = passed / max(passed + left, 1e-9)
            # The time comes first, because a narrow terminal shows only the beginning of the line.
            said = [f"{share:.0%}", f"about {duration(left)} left", *said, rate(answers, passed + left, "answer")]
        return ", ".join([*said, work.state])

    def _ready(self) -> None:
        work, left = self._work, self.seconds_left
        if self._told or work is None or left is None:
            return
        self._told = True
        epochs = max(1.0, self._answers / work.answers)
        seconds = self._clock() - self._began + left
        self._forecast(Forecast(seconds, work.answers, lambda cases: epochs * (work.seconds_of(cases) or 0.0)))
