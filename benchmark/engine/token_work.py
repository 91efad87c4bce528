"""Estimates the time of local generation from the prompt tokens to read and the answer tokens to write.

Three speeds are measured while the engine works: the seconds for each prompt token, the seconds for each decoding step,
and the additional seconds for each token in a step. A step writes one token of every answer in the batch. So the number
of steps that are left depends on the lengths of the answers. The rest of the run is simulated with the lengths that
`AnswerLengths` expects.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import heapify, heappush, heapreplace

from toolmark.benchmark.engine.answer_lengths import AnswerLengths
from toolmark.benchmark.engine.prompt_lookup import RELIABLE_DRAFT

__all__ = ["PROBE_STEPS", "TokenWork", "Workload"]

PROBE_STEPS = 8
"""At the start, an engine reads its shortest prompt and makes this number of steps. After that, all speeds are
known."""

_TOKEN_COST = 1.5
"""Assumed time of a token in a step, divided by the time of a prompt token. A token in a step needs more time, because
its logits are computed, too."""

_FIXED_SHARE = 0.1
"""A part of the time of a step does not depend on the number of tokens in the step. This is the lowest share of this
part."""

_OFFERED = 0.75
"""Of the places that drafts can take, the share that is expected to contain draft tokens."""

_ACCEPTED = 0.5
"""Of the free places in a batch, the share that is expected to contain accepted draft tokens. The share is high. The
reason: places are free at the end of a run, and the last answers often repeat their text, which drafts predict well."""


@dataclass(frozen=True, slots=True)
class Workload:
    """The work of an engine for one call of `answer`.

    Attributes:
        prompt_tokens: Number of prompt tokens to read. A prefix that several prompts share is counted once.
        answers: Number of answers to write.
        at_once: Highest number of answers in a batch.
        longest: Highest number of tokens of an answer.
        prompt_tokens_of: A function that returns the number of prompt tokens to read for a sample of the prompts. Its
            argument is the number of prompts in the sample.
        drafts: Whether free places in the batch contain draft tokens.
    """

    prompt_tokens: int
    answers: int
    at_once: int
    longest: int
    prompt_tokens_of: Callable[[int], int]
    drafts: bool = True


class TokenWork:
    """Counts the tokens that a local engine has read and written, and estimates the time that is left.

    The engine calls `read`, `admitted`, `wrote` and `ended` directly after the work that they report. The time since
    the last call counts as the time of this work.

    Args:
        load: The work to do.
        lengths: The lengths of the answers so far. They can include answers of earlier epochs.
        ready: A function that is called once, as soon as all speeds are known.
        clock: A function that returns the time in seconds.

    Attributes:
        load: The work to do.
        answered: Number of answers that have ended.
    """

    def __init__(
        self,
        load: Workload,
        lengths: AnswerLengths,
        ready: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.load = load
        self.answered = 0
        self._lengths, self._ready, self._clock = lengths, ready, clock
        self._last = clock()
        self._running: tuple[int, ...] = ()
        self._read, self._read_seconds = 0, 0.0
        self._steps, self._step_seconds, self._step_tokens = 0, 0.0, 0

    def _seconds(self) -> float:
        before, self._last = self._last, self._clock()
        return self._last - before

    def read(self, tokens: int) -> None:
        """Report that prompt tokens were read."""
        self._read += tokens
        self._read_seconds += self._seconds()

    def admitted(self, running: Sequence[int]) -> None:
        """Report that answers have begun.

        Args:
            running: For each answer in the batch, its length so far.
        """
        self._running = tuple(running)

    def wrote(self, tokens: int, running: Sequence[int]) -> None:
        """Report a decoding step.

        Args:
            tokens: Number of tokens in the forward pass, including draft tokens.
            running: For each answer in the batch, its length after the step.
        """
        self._running = tuple(running)
        self._steps += 1
        self._step_seconds += self._seconds()
        self._step_tokens += tokens
        if self._steps == PROBE_STEPS:
            self._ready()

    def ended(self, length: int) -> None:
        """Report that an answer of the batch has ended with this number of tokens."""
        if length in self._running:
            at = self._running.index(length)
            self._running = (*self._running[:at], *self._running[at + 1 :])
        self._lengths.add(length)
        self.answered += 1

    @property
    def answers(self) -> int:
        """Return the number of answers to write."""
        return self.load.answers

    @property
    def state(self) -> str:
        """Return in words how many prompt tokens were read so far."""
        return f"{self._read:,} of {self.load.prompt_tokens:,} prompt tokens read"

    @property
    def seconds_left(self) -> float | None:
        """Return the time that is left, in seconds. None if a speed is not known yet."""
        running = self._running
        unread = max(0, self.load.prompt_tokens - self._read)
        return self._time(unread, running, max(0, self.load.answers - self.answered - len(running)))

    def seconds_of(self, answers: int) -> float | None:
        """Return the seconds that a sample with this number of answers needs. None if a speed is not known yet."""
        return self._time(self.load.prompt_tokens_of(answers), (), answers)

    def _time(self, prompt_tokens: int, running: Sequence[int], waiting: int) -> float | None:
        if not self._read or not self._steps:
            return None
        a_prompt_token = self._read_seconds / self._read
        a_step, tokens = self._step_seconds / self._steps, self._step_tokens / self._steps
        fixed = max(_FIXED_SHARE * a_step, a_step - _TOKEN_COST * a_prompt_token * tokens)
        a_token = (a_step - fixed) / tokens
        ends = _ends(*self._lengths.expected(running, waiting), self.load.at_once)
        seconds = prompt_tokens * a_prompt_token
        before = 0.0
        for ended, end in enumerate(ends):
            places = len(ends) - ended
            drafts = self._drafts(places)
            steps = (end - before) / (1 + _ACCEPTED * drafts)
            seconds += steps * (fixed + places * (1 + _OFFERED * drafts) * a_token)
            before = end
        return seconds

    def _drafts(self, running: int) -> int:
        """Return the number of free places in the batch for the draft tokens of each answer."""
        return min(RELIABLE_DRAFT, (self.load.at_once - running) // running) if self.load.drafts else 0


def _ends(running: Sequence[float], waiting: Sequence[float], at_once: int) -> list[float]:
    """Return, for each place in the batch, the number of tokens that are written in it until it stays empty.

    When an answer ends, the next waiting answer takes its place. The numbers are in ascending order.
    """
    ends = list(running)
    heapify(ends)
    for length in waiting:
        if len(ends) < at_once:
            heappush(ends, length)
        else:
            heapreplace(ends, ends[0] + length)
    return sorted(ends)
