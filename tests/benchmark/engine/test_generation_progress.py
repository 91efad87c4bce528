"""The time left of a run: from prompt tokens, steps and lengths of answers, by a clock that the test sets."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import pytest

from toolmark.benchmark.engine.answer_lengths import AnswerLengths
from toolmark.benchmark.engine.generation_progress import Forecast, GenerationProgress
from toolmark.benchmark.engine.token_work import PROBE_STEPS, Workload

A_PROMPT_TOKEN, A_STEP, A_TOKEN = 0.005, 0.08, 0.004
"""Seconds, as measured with a model of 135M parameters on one core."""


class Clock:
    """A clock that moves only by work."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class Run:
    """An engine with known speeds. It answers prompts in the order of the decode loop."""

    def __init__(self, lengths: list[int], prompt: int, at_once: int, epochs: int = 1) -> None:
        self.clock, self.forecasts = Clock(), list[Forecast]()
        self.progress = GenerationProgress(epochs * len(lengths), self.forecasts.append, self.clock)
        self._lengths, self._prompt, self._at_once = lengths, prompt, at_once

    def answer(self) -> Iterator[float]:
        """Answer all prompts, and yield the time after each report."""
        load = Workload(
            len(self._lengths) * self._prompt, len(self._lengths), self._at_once, 512, lambda size: size * self._prompt
        )
        work, waiting, batch, most = self.progress.local(load), list(self._lengths), list[list[int]](), 1
        alone = PROBE_STEPS
        while waiting or batch:
            if waiting and len(batch) < self._at_once and not (batch and alone):
                for _ in range(min(most, self._at_once - len(batch), len(waiting))):
                    batch.append([1, waiting.pop(0)])
                    self.clock.now += A_PROMPT_TOKEN * self._prompt
                    work.read(self._prompt)
                    yield self.clock.now
                work.admitted([done for done, _ in batch])
                most = self._at_once
            else:
                alone = max(0, alone - 1)
                self.clock.now += A_STEP + A_TOKEN * len(batch)
                batch = [[done + 1, length] for done, length in batch]
                work.wrote(len(batch), [done for done, _ in batch])
                yield self.clock.now
            for done, length in [one for one in batch if one[0] >= one[1]]:
                batch.remove([done, length])
                work.ended(done)


def lengths(count: int, runaway: float, seed: int = 0) -> list[int]:
    """Lengths of answers of a small model: most are short, and some never end by themselves."""
    rng = random.Random(seed)
    return [512 if rng.random() < runaway else round(rng.lognormvariate(3.4, 0.5)) + 2 for _ in range(count)]


@pytest.mark.parametrize("runaway", [0.01, 0.03, 0.2])
@pytest.mark.parametrize(("count", "prompt"), [(20, 1500), (300, 150), (1000, 80)])
def test_the_estimate_after_a_tenth_of_the_time_is_close(count, prompt, runaway):
    shares = [0.1, 0.2, 0.3, 0.5, 0.7, 0.9]
    *_, end = Run(lengths(count, runaway), prompt, 64).answer()
    run, begin = Run(lengths(count, runaway), prompt, 64), Clock.now
    for now in run.answer():
        share = (now - begin) / (end - begin)
        if shares and share >= shares[0]:
            left = run.progress.seconds_left
            assert left is not None
            assert 1 / 1.5 <= (now - begin + left) / (end - begin) <= 1.5, f"at {share:.0%}"
            del shares[0]
    assert not shares


def test_the_forecast_comes_once_after_the_first_prompt():
    run = Run(lengths(400, 0.03), 1000, 64, epochs=2)
    steps = run.answer()
    while not run.forecasts:
        now = next(steps)
    assert now - 100 < 1000 * A_PROMPT_TOKEN + (PROBE_STEPS + 1) * (A_STEP + A_TOKEN)
    for _ in steps:
        pass
    seconds = run.clock.now - 100
    for _ in run.answer():
        pass
    (forecast,) = run.forecasts
    assert forecast.cases == 400
    assert 1 / 1.5 < forecast.seconds / (run.clock.now - 100) < 1.5, "both epochs"
    assert forecast.seconds_of(100) == pytest.approx(2 * seconds / 4, rel=0.4)


def test_the_line_tells_what_is_read_and_answered_and_the_time_for_an_answer():
    run = Run([40] * 40, 1000, 64)
    said = [run.progress.line() for _ in run.answer()]
    assert said[0] == "0 of 40 answered, 1,000 of 40,000 prompt tokens read"
    words = r"\d\d%, about \d+ s left, 1 of 40 answered, \d\.\d s per answer, 40,000 of 40,000 prompt tokens read"
    assert re.fullmatch(words, said[-1])


def test_a_served_model_is_estimated_by_its_answers():
    clock, forecasts = Clock(), list[Forecast]()
    progress = GenerationProgress(40, forecasts.append, clock)
    work = progress.served([4000] * 40, 10)
    assert progress.line() == "0 of 40 answered, 10 requests sent"
    for number in range(20):
        clock.now += 5 if number % 10 == 0 else 0
        work.ended(number)
    assert progress.seconds_left == pytest.approx(10, rel=0.5)
    assert forecasts[0].seconds == pytest.approx(20, rel=0.5)
    assert progress.line() == "62%, about 6 s left, 20 of 40 answered, 2.5 answers per second, 10 requests sent"


def test_answers_that_continue_make_the_expected_answer_longer():
    known = AnswerLengths(512)
    short = known.expected([], 100)[1]
    assert 50 < sum(short) / 100 < 100
    assert max(short) > 300, "a batch waits for its longest answer"
    further, waiting = known.expected([256] * 30, 100)
    assert sum(waiting) > 2 * sum(short)
    for _ in range(100):
        known.add(20)
    assert sum(known.expected([], 100)[1]) / 100 == pytest.approx(22, abs=8)
    assert min(further) >= 1
    assert max(further) <= 512 - 256
