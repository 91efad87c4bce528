"""Hands out shards to workers, and collects the answers.

A free worker gets a shard of the model that it has loaded, or else of a model with the same base. So each worker loads
each base once. If a worker dies, the prompts that it had not answered are handed out again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.config.engine_options import EngineChoice
from toolmark.benchmark.config.template_args import TemplateArgs
from toolmark.benchmark.core.errors import EnvironmentFault
from toolmark.benchmark.core.versions import installed_versions
from toolmark.benchmark.data.completions import Completion, Prompt
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.engine import PromptTooLong
from toolmark.benchmark.engine.devices import DeviceChoice, DtypeChoice
from toolmark.benchmark.engine.local_identity import LocalModel
from toolmark.benchmark.engine.workers.live_workers import MOST_FAILURES, LiveWorkers, Lost, Worker
from toolmark.benchmark.engine.workers.messages import Model, Report, Shard
from toolmark.benchmark.engine.workers.portable_paths import portable
from toolmark.benchmark.engine.workers.shards import cut

__all__ = ["Answer", "Questions", "WorkerPool"]


@dataclass(frozen=True, slots=True, eq=False)
class Questions:
    """The prompts that a model must answer.

    Attributes:
        name: Name of the model for messages.
        model: The model.
        prompts: All prompts of the run.
        missing: The pairs (index of a prompt, epoch) to answer.
        one_call: Indices of prompts. These completions end after their first call.
    """

    name: str
    model: Model
    prompts: Sequence[Prompt]
    missing: Sequence[tuple[int, int]]
    one_call: frozenset[int]


@dataclass(frozen=True, slots=True)
class Answer:
    """A completion from a worker.

    Attributes:
        questions: The questions to which it belongs.
        index: The index of the prompt.
        epoch: Number of the epoch, from 1.
        completion: The completion.
        environment: The environment in which it was generated.
        notes: Lines for the user about the generation.
    """

    questions: Questions
    index: int
    epoch: int
    completion: Completion
    environment: Mapping[str, Any]
    notes: tuple[str, ...]


@dataclass(slots=True, eq=False)
class _Task:
    """A shard that has still to be answered.

    Attributes:
        questions: The questions to which the shard belongs.
        shard: The prompts that are not answered.
        failures: How many workers died in a row without an answer to the shard.
    """

    questions: Questions
    shard: Shard
    failures: int = 0


class WorkerPool:
    """Answers the questions of several models with all workers. This class is a context manager, which ends Ray.

    Args:
        workers: The workers.
    """

    def __init__(self, workers: LiveWorkers) -> None:
        self._workers = workers
        self._waiting: list[_Task] = []
        self._running: dict[Worker, _Task] = {}
        self._arrived: list[Answer] = []
        self._bases = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._workers.connection.close()

    @property
    def state(self) -> str:
        """Return the number of workers in words."""
        return self._workers.state

    def summary(self) -> str:
        """Return a line about the work of the workers: how many there were, and how many bases they loaded."""
        return f"{self.state} ({self.environment()['nodes']}), loaded bases: {self._bases}"

    def environment(self) -> dict[str, Any]:
        """Return the number of workers, the version of Ray and the kinds of machines, for the record of a run."""
        kinds = Counter(worker.facts.node for worker in self._workers.started() if worker.facts is not None)
        return {
            "count": len(self._workers.all()),
            "ray": installed_versions(["ray"])["ray"],
            "nodes": ", ".join(f"{count} on {kind}" for kind, count in sorted(kinds.items())),
        }

    def expect(self, candidates: Sequence[Candidate]) -> None:
        """Name the candidates that will answer, before the workers start. See `Engines.expect`."""
        self._workers.expected = [portable(one) for one in candidates if one.has_weights]

    def describe(
        self,
        candidate: Candidate,
        dialect: Dialect,
        decoding: Decoding,
        device: DeviceChoice,
        dtype: DtypeChoice,
        template_args: TemplateArgs | None,
        engine: EngineChoice,
    ) -> LocalModel:
        """Let a worker describe a candidate. The arguments and errors are those of `local_identity.describe`.

        So the weights must be on the machines of the workers, and not on this machine.
        """
        asked = (portable(candidate), dialect.name, decoding, device, dtype, template_args, engine)
        described: LocalModel = self._ask(candidate.name, "describe", *asked)
        return described

    def check(self, name: str, model: Model, prompts: Sequence[Prompt]) -> PromptTooLong | None:
        """Let a worker encode the prompts of a run, before anything is generated.

        Args:
            name: Name of the model for messages.
            model: The model.
            prompts: All prompts of the run.

        Returns:
            The error about prompts that leave no room for an answer. None if all prompts fit.

        Raises:
            InputError: The chat template cannot render a prompt.
        """
        found: PromptTooLong | None = self._ask(name, "check", model, list(prompts))
        return found

    def add(self, questions: Questions) -> None:
        """Add questions. `take` returns their answers."""
        for epoch in sorted({epoch for _, epoch in questions.missing}):
            texts = {index: _text(questions.prompts[index]) for index, of in questions.missing if of == epoch}
            for indices in cut(texts, len(self._workers.all())):
                prompts = tuple(questions.prompts[index] for index in indices)
                ending = frozenset(at for at, index in enumerate(indices) if index in questions.one_call)
                shard = Shard(questions.model, epoch, tuple(indices), prompts, ending)
                self._waiting.append(_Task(questions, shard))

    def take(self, seconds: float) -> Sequence[Answer]:
        """Return the answers that have arrived. If there is none, wait at most this time for the first.

        Raises:
            ToolmarkError: A worker raised it.
            EnvironmentFault: A worker dies again and again, or Ray cannot be started again.
        """
        for worker in self._workers.free()[: len(self._waiting)]:
            task = self._next(worker)
            self._waiting.remove(task)
            self._running[worker] = task
            worker.model = task.shard.model
            self._workers.send(worker, "begin", task.shard)
        if not self._arrived:
            for worker, result in self._workers.replies(seconds):
                self._receive(worker, result)
        answers, self._arrived = self._arrived, []
        return answers

    def _ask(self, name: str, method: str, *arguments: object) -> Any:
        """Return the result of a method of `EngineWorker`. The first free worker is asked."""
        result: Any = None
        for _ in range(MOST_FAILURES):
            while not (free := self._workers.free()):
                self._receive_all()
            asked, answered = free[0], False
            self._workers.send(asked, method, *arguments)
            while not answered:
                for worker, reply in self._workers.replies(1.0):
                    if worker is asked:
                        result, answered = reply, True
                    else:
                        self._receive(worker, reply)
            if not isinstance(result, Lost):
                return result
        raise _dies(name, result)

    def _receive_all(self) -> None:
        for worker, reply in self._workers.replies(1.0):
            self._receive(worker, reply)

    def _next(self, worker: Worker) -> _Task:
        """Return the task for a free worker.

        Tasks of the model that the worker has loaded come first, and then those of models with the same base. Among
        others, models that few workers answer come first.
        """
        last = worker.model
        at_work = Counter(task.shard.model for task in self._running.values())
        bases_at_work = Counter(model.base for model in at_work.elements())

        def rank(task: _Task) -> tuple[bool, int, int]:
            model = task.shard.model
            same_base = last is not None and model.base == last.base
            return model != last, -1 if same_base else bases_at_work[model.base], at_work[model]

        return min(self._waiting, key=rank)

    def _receive(self, worker: Worker, result: Report | Lost) -> None:
        task = self._running.pop(worker, None)
        if task is None:
            return
        if isinstance(result, Lost):
            task.failures += 1
            if task.failures == MOST_FAILURES:
                raise _dies(f"{task.questions.name}, {len(task.shard.indices)} prompts", result)
            if task.shard.indices:
                self._waiting.insert(0, task)
            return
        self._bases += result.bases
        if result.answers:
            task.failures = 0
            task.shard = task.shard.without({index for index, _ in result.answers})
        if not result.ended:
            self._running[worker] = task
            self._workers.send(worker, "go_on")
        self._arrived += [
            Answer(task.questions, index, task.shard.epoch, completion, result.environment, result.notes)
            for index, completion in result.answers
        ]


def _text(prompt: Prompt) -> str:
    """Return a prompt as text. If two of these texts begin alike, the prompts begin alike."""
    return json.dumps([[tool.shown() for tool in prompt.tools], [turn.as_openai() for turn in prompt.messages]])


def _dies(work: str, lost: Lost) -> EnvironmentFault:
    return EnvironmentFault(
        f"workers died {MOST_FAILURES} times in a row at the same work ({work}): {lost.reason}",
        "If the memory is too small, use fewer workers or a smaller model. Then run the same command again. All "
        "answers so far are kept.",
    )
