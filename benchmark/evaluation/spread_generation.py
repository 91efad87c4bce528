"""Generates the runs of several candidates together, with the workers of a pool.

All candidates give their missing prompts to the pool at once. So no worker waits while the last answers of one
candidate are generated. Only this process writes the ledgers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.core.hashing import digest
from toolmark.benchmark.core.progress import Tally, phase
from toolmark.benchmark.engine import PromptTooLong
from toolmark.benchmark.engine.engines import Engines
from toolmark.benchmark.engine.torch_build import processor_count
from toolmark.benchmark.engine.workers.live_workers import LiveWorkers
from toolmark.benchmark.engine.workers.messages import Model
from toolmark.benchmark.engine.workers.portable_paths import portable
from toolmark.benchmark.engine.workers.ray_connection import RayConnection
from toolmark.benchmark.engine.workers.worker_pool import Questions, WorkerPool
from toolmark.benchmark.evaluation.contestant import Contestant
from toolmark.benchmark.evaluation.observer import Observer
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.evaluation.single_turn_cases import SingleTurnCases
from toolmark.benchmark.runs.missing_answers import MissingAnswers
from toolmark.benchmark.runs.run import Run

__all__ = ["SpreadGeneration", "worker_pool"]


_SECONDS_OF_A_LOOK = 1.0
"""After this time, it is checked whether the adapter of a recipe is made."""

_DECIDE_TOKENS = ("config", "tokenizer", "template", "template_args", "dialect", "decoding", "call_threshold")
"""The fields of an identity that decide which tokens a prompt has, and whether they fit into the context."""


def worker_pool(request: Request, open_engines: Callable[[], Engines]) -> WorkerPool | None:
    """Return the workers that a request asks for. None if everything is generated in this process.

    Args:
        request: The request.
        open_engines: Function that returns the engines with the options of the request. Ray sends it to the workers.
    """
    if request.ray is None and request.workers in (None, 1):
        return None
    processors = None if request.ray else max(processor_count(), (request.workers or 1) * (request.threads or 1))
    gpu = None if request.device == "auto" else request.device == "cuda"
    connection = RayConnection(request.ray, processors)
    gpus_each = request.tensor_parallel
    return WorkerPool(LiveWorkers(connection, request.workers, request.threads, gpu, gpus_each, open_engines))


@dataclass(slots=True, eq=False)
class _Work:
    """A run whose answers are generated now.

    Attributes:
        contestant: The contestant.
        answers: The answers that the run lacks.
        ledger: Closes the ledger of the run.
        left: Number of answers that are not generated yet.
        began: The time when the prompts were checked, in seconds of `time.monotonic`. Workers have then started.
    """

    contestant: Contestant
    answers: MissingAnswers
    ledger: ExitStack
    left: int
    began: float


class SpreadGeneration:
    """Generates runs with a pool of workers. This class is a context manager, which closes the ledgers.

    Args:
        pool: The workers.
        cases: The cases.
        observer: Receives each run that is complete, and a line about the workers.
    """

    def __init__(self, pool: WorkerPool, cases: SingleTurnCases, observer: Observer) -> None:
        self._pool, self._cases, self._observer = pool, cases, observer
        self._at_work: dict[Questions, _Work] = {}
        self._tally = Tally("answers generated", 0, "answer")
        self._too_long: dict[str, PromptTooLong | None] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for work in self._at_work.values():
            work.ledger.close()

    def run(
        self,
        contestants: Mapping[Contestant, Future[Candidate]],
        open_run: Callable[[Contestant, Future[Candidate]], Run],
    ) -> None:
        """Generate the missing answers of all contestants.

        Args:
            contestants: The contestants. A future has a result as soon as the adapter of its contestant is made.
            open_run: Function that opens the run of a contestant.

        Raises:
            InputError, EnvironmentFault: As in `generate`. The answers until then are in the ledgers.
        """
        waiting = dict(contestants)
        with phase(lambda: f"{self._tally()}, {self._pool.state}"):
            while waiting or self._at_work:
                for contestant in [one for one, future in waiting.items() if future.done()]:
                    contestant.run = open_run(contestant, waiting[contestant])
                    # Equal candidates have the same folder. The second one waits, and then finds all answers.
                    if contestant.run.folder not in {work.answers.run.folder for work in self._at_work.values()}:
                        del waiting[contestant]
                        self._begin(contestant)
                if waiting or self._at_work:
                    self._take()
        if self._tally.done:
            self._observer.say(self._pool.summary())

    def _begin(self, contestant: Contestant) -> None:
        """Lock the ledger of a contestant, and give the missing prompts to the pool."""
        answers = self._cases.missing_answers(contestant)
        with ExitStack() as ledger:
            ledger.enter_context(answers)
            model = Model(
                portable(contestant.run.candidate),
                contestant.run.device,
                str(contestant.run.identity["dtype"]),
                contestant.dialect.name,
            )
            if answers.missing and (error := self._check(contestant, model, answers)) is not None:
                answers.leave_out_too_long(error)
            began = time.monotonic()
            if answers.missing:
                questions = Questions(contestant.name, model, answers.prompts, answers.missing, answers.one_call)
                self._pool.add(questions)
                left = len(answers.missing)
                self._tally.total = (self._tally.total or 0) + left
                self._at_work[questions] = _Work(contestant, answers, ledger.pop_all(), left, began)
        if not answers.missing:
            self._observer.generated(contestant, time.monotonic() - began)

    def _check(self, contestant: Contestant, model: Model, answers: MissingAnswers) -> PromptTooLong | None:
        """Return the prompts that are too long. Candidates with the same tokens are checked only once."""
        key = digest([contestant.run.identity.get(field) for field in _DECIDE_TOKENS])
        if key not in self._too_long:
            self._too_long[key] = self._pool.check(contestant.name, model, answers.prompts)
        return self._too_long[key]

    def _take(self) -> None:
        """Write the answers that have arrived to the ledgers."""
        for answer in self._pool.take(_SECONDS_OF_A_LOOK):
            work = self._at_work[answer.questions]
            run = work.answers.run
            if work.left == len(work.answers.missing):
                work.answers.begin({**answer.environment, "workers": self._pool.environment()})
            work.answers.add(answer.index, answer.epoch, answer.completion)
            run.notes += tuple(note for note in answer.notes if note not in run.notes)
            work.left -= 1
            self._tally.add()
            if not work.left:
                del self._at_work[answer.questions]
                work.ledger.close()
                self._observer.generated(work.contestant, time.monotonic() - work.began)
