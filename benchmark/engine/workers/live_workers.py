"""Starts the workers, sends work to them, and starts them again after they died."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.core.errors import EnvironmentFault, InputError, ToolmarkError
from toolmark.benchmark.core.versions import installed_versions
from toolmark.benchmark.engine.engines import Engines
from toolmark.benchmark.engine.workers.engine_worker import EngineWorker
from toolmark.benchmark.engine.workers.messages import Model, WorkerFacts
from toolmark.benchmark.engine.workers.ray_connection import RayConnection

__all__ = ["MOST_FAILURES", "LiveWorkers", "Lost", "Worker"]

MOST_FAILURES = 3
"""After this number of failures in a row, without an answer between them, the run ends with an error."""

_SECONDS_TO_START = 900.0
"""If no worker has started after this time, the run ends. A cluster that adds machines needs minutes for this."""

_SECONDS_BETWEEN_QUESTIONS = 0.5
"""After this time, a worker that Ray starts again is asked again whether it has started."""

_LONGEST_REASON = 600

_KEPT = "Run the same command again. The answers so far are kept."


@dataclass(frozen=True, slots=True)
class Lost:
    """A worker died before it replied.

    Attributes:
        reason: Ray's words about it.
    """

    reason: str


@dataclass(slots=True, eq=False)
class Worker:
    """A worker as the caller sees it.

    Attributes:
        actor: Ray's handle.
        reply: The reply that the worker has to give. None if it has nothing to do.
        facts: The facts about the worker. None until it has started.
        model: The model that the worker answered last. None after a new start.
    """

    actor: Any
    reply: Any
    facts: WorkerFacts | None = None
    model: Model | None = None


@dataclass
class LiveWorkers:
    """The workers of an evaluation. Ray is started when it is first needed.

    Attributes:
        connection: The connection to Ray.
        count: Number of workers. None means one for each GPU of the cluster, or one for each machine without GPUs.
        threads: Number of processors for each worker. None means that the workers share all processors.
        gpu: Whether the workers compute on GPUs. None means that they do if the cluster has GPUs.
        gpus_each: Number of GPUs for each worker that computes on GPUs.
        open_engines: Function that returns the engines with the options of the evaluation.
        expected: The candidates that an engine must know when it starts. See `Engines.expect`.
    """

    connection: RayConnection
    count: int | None
    threads: int | None
    gpu: bool | None
    gpus_each: int
    open_engines: Callable[[], Engines]
    expected: Sequence[Candidate] = ()

    def __post_init__(self) -> None:
        self._all: list[Worker] = []
        self._lost: list[tuple[Worker, Lost]] = []
        self._ray: ModuleType | None = None
        self._began = 0.0
        self._failures = 0

    @property
    def state(self) -> str:
        """Return in words how many workers there are now. Ray is not started."""
        started, count = sum(worker.facts is not None for worker in self._all), len(self._all)
        return f"workers: {count}" if started == count else f"workers: {started} of {count} started"

    def started(self) -> list[Worker]:
        """Return the workers that have started."""
        return [worker for worker in self.all() if worker.facts is not None]

    def free(self) -> list[Worker]:
        """Return the workers that have started and have nothing to do."""
        return [worker for worker in self.started() if worker.reply is None]

    def all(self) -> list[Worker]:
        """Return all workers.

        Raises:
            EnvironmentFault: Ray cannot be started, or the cluster does not answer.
        """
        if self._ray is None:
            self._ray = self.connection.open()
            self._began = time.monotonic()
            self._all = [self._new(self._ray, options) for options in self._options(self._ray)]
        return self._all

    def send(self, worker: Worker, method: str, *arguments: object) -> None:
        """Call a method of `EngineWorker` in a free worker. `replies` returns the result."""
        if worker not in self._all:  # Ray was started again. `replies` returns `Lost` for this worker.
            return
        with self._naming_broken_connections():
            worker.reply = getattr(worker.actor, method).remote(*arguments)

    def replies(self, seconds: float) -> list[tuple[Worker, Any]]:
        """Return the replies that are there. If there is none, wait at most this time for the first.

        Returns:
            Pairs of a worker and its result, which is `Lost` if the worker died.

        Raises:
            ToolmarkError: A worker raised it.
            EnvironmentFault: Workers or Ray cannot start, or die again and again.
        """
        waiting = {worker.reply: worker for worker in self.all() if worker.reply is not None}
        assert self._ray is not None  # noqa: S101 - `all` has started Ray
        ray = self._ray
        if not waiting:
            time.sleep(seconds)
            return []
        found: list[tuple[Worker, Any]] = []
        with self._naming_broken_connections():
            ray.wait(list(waiting), num_returns=1, timeout=seconds)
            ready, _ = ray.wait(list(waiting), num_returns=len(waiting), timeout=0)
            for worker in map(waiting.__getitem__, ready):
                try:
                    result = ray.get(worker.reply)
                except ray.exceptions.RayError as error:
                    self._died(ray, worker, error)
                    if worker not in self._all:  # Ray was started again.
                        break
                    continue
                worker.reply = None
                if isinstance(result, WorkerFacts):
                    worker.facts = _checked(result)
                else:
                    self._failures = 0
                    found.append((worker, result))
        if not self.started() and time.monotonic() - self._began > _SECONDS_TO_START:
            raise EnvironmentFault(
                f"no worker has started in {_SECONDS_TO_START / 60:.0f} minutes; the cluster has "
                f"{ray.cluster_resources()}",
                "Ask for fewer workers, or for workers with fewer processors: --workers N --threads N",
            )
        found += self._lost
        self._lost = []
        return found

    def _options(self, ray: ModuleType) -> list[Mapping[str, Any]]:
        """Return Ray's options for each worker."""
        has = ray.cluster_resources()
        gpus = int(has.get("GPU", 0))
        gpu = gpus > 0 if self.gpu is None else self.gpu
        machines = [node["Resources"].get("CPU", 1) for node in ray.nodes() if node["Alive"]]
        count = self.count or (gpus // self.gpus_each if gpu else len(machines)) or 1
        if gpu and count * self.gpus_each > gpus and self.connection.address is None:
            raise InputError(
                f"--workers {count} needs {count * self.gpus_each} GPUs, but this machine has {gpus}",
                f"Write --workers {max(1, gpus // self.gpus_each)}, or compute on the processor: --device cpu",
            )
        on_a_machine = -(-count // len(machines))
        options: Mapping[str, Any] = {
            "num_cpus": self.threads or max(1, int(min(machines)) // on_a_machine),
            "num_gpus": self.gpus_each if gpu else 0,
            "scheduling_strategy": "SPREAD",
            # Ray always starts a dead worker again. But Ray does not repeat its work, because only the caller knows
            # which answers have arrived.
            "max_restarts": -1,
            "max_task_retries": 0,
        }
        return [options] * count

    def _new(self, ray: ModuleType, options: Mapping[str, Any]) -> Worker:
        actor = ray.remote(EngineWorker).options(**options).remote(self.open_engines, self.expected)
        return Worker(actor, actor.facts.remote())

    @contextmanager
    def _naming_broken_connections(self) -> Iterator[None]:
        try:
            yield
        except ConnectionError as error:
            raise EnvironmentFault(f"the connection to Ray broke: {error}", _KEPT) from error

    def _died(self, ray: ModuleType, worker: Worker, error: Exception) -> None:
        """Wait until Ray has started a worker again. If Ray cannot, start Ray again with all workers.

        Raises:
            ToolmarkError: The worker did not die, but raised this error.
            EnvironmentFault: The worker cannot start, or Ray died too often in a row.
        """
        if isinstance(error, ray.exceptions.RayTaskError):
            raise error.cause if isinstance(error.cause, ToolmarkError) else error
        reason = " ".join(str(error).split())[-_LONGEST_REASON:] or type(error).__name__
        if worker.facts is not None:
            self._lost.append((worker, Lost(reason)))
            worker.facts, worker.model, worker.reply = None, None, worker.actor.facts.remote()
            return
        if isinstance(error, ray.exceptions.ActorUnavailableError):  # Ray has not started it again yet.
            time.sleep(_SECONDS_BETWEEN_QUESTIONS)
            worker.reply = worker.actor.facts.remote()
            return
        if "creation task" in str(error):
            raise EnvironmentFault(
                f"a worker cannot start: {reason}",
                "Install Toolmark with the same extras on every machine: pip install 'toolmark[local,ray]'",
            )
        self._failures += 1
        if self._failures == MOST_FAILURES:
            raise EnvironmentFault(f"Ray ended {MOST_FAILURES} times in a row: {reason}", _KEPT)
        self._lost += [(one, Lost(reason)) for one in self._all]
        self._all, self._ray = [], None
        self.connection.close()


def _checked(facts: WorkerFacts) -> WorkerFacts:
    """Check that a worker has the same version of Toolmark as this process."""
    here = installed_versions(["toolmark"])["toolmark"]
    if facts.version != here:
        raise EnvironmentFault(
            f"a worker has Toolmark {facts.version}, but this process has {here}",
            f"Install the same version on every machine: pip install toolmark=={here}",
        )
    return facts
