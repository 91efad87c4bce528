"""The Ray actor: a process with one engine, which answers one shard of prompts after the other.

An answer goes to the calling process within a second. So if a worker dies, only the answers that it was writing are
lost. Ray Client has no generators for actors. For this reason, the caller asks again and again: `begin`, and then
`go_on` until the shard has ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from toolmark.benchmark.candidates.fingerprint import environment
from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.config.engine_options import EngineChoice
from toolmark.benchmark.config.template_args import TemplateArgs
from toolmark.benchmark.core.registry import load
from toolmark.benchmark.core.versions import installed_versions
from toolmark.benchmark.data.completions import Completion, Prompt
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.engine import Engine, PromptTooLong
from toolmark.benchmark.engine.devices import DeviceChoice, DtypeChoice, kind_of_machine
from toolmark.benchmark.engine.engines import Engines
from toolmark.benchmark.engine.local_identity import LocalModel, describe
from toolmark.benchmark.engine.model_folder import locate
from toolmark.benchmark.engine.timed_answers import timed
from toolmark.benchmark.engine.workers.messages import Model, Report, Shard, WorkerFacts
from toolmark.benchmark.engine.workers.portable_paths import on_this_machine

__all__ = ["EngineWorker"]

_SECONDS_OF_A_REPORT = 0.5
"""A report is made with the first answer after this time."""


@cache
def _dialect(name: str) -> Dialect:
    return load("toolmark.dialects", name)()  # type: ignore[no-any-return]


class EngineWorker:
    """Answers shards. Ray makes an actor of this class.

    Args:
        open_engines: Function that returns the engines with the options of the evaluation.
        expected: The candidates that an engine must know when it starts, with portable paths.
    """

    def __init__(self, open_engines: Callable[[], Engines], expected: Sequence[Candidate] = ()) -> None:
        self._engines = open_engines()
        self._engines.expect([locate(on_this_machine(candidate)) for candidate in expected])
        self._told_bases = 0
        self._shard: Shard | None = None
        self._engine: Engine | None = None
        self._environment: Mapping[str, Any] = {}
        self._answers: Iterator[tuple[int, Completion]] = iter(())

    def facts(self) -> WorkerFacts:
        """Return the facts about this worker."""
        return WorkerFacts(installed_versions(["toolmark"])["toolmark"], kind_of_machine())

    def describe(
        self,
        candidate: Candidate,
        dialect: str,
        decoding: Decoding,
        device: DeviceChoice,
        dtype: DtypeChoice,
        template_args: TemplateArgs | None,
        engine: EngineChoice,
    ) -> LocalModel:
        """Return the description of a candidate with portable paths. The arguments are those of `describe`."""
        return describe(on_this_machine(candidate), _dialect(dialect), decoding, device, dtype, template_args, engine)

    def check(self, model: Model, prompts: Sequence[Prompt]) -> PromptTooLong | None:
        """Encode all prompts. Return the error about those that are too long, or None.

        Raises:
            InputError: The model cannot be opened, or its template cannot render a prompt.
        """
        try:
            self._open(model).prepare(prompts, _dialect(model.dialect))
        except PromptTooLong as error:
            return error
        return None

    def begin(self, shard: Shard) -> Report:
        """Begin to answer a shard, and return the first answers.

        Raises:
            InputError, EnvironmentFault: As in `Engine`.
        """
        self._shard = shard
        self._engine = self._open(shard.model)
        self._engine.prepare(shard.prompts, _dialect(shard.model.dialect), shard.one_call)
        self._environment = environment(**self._engine.environment())
        self._answers = timed(self._engine, range(len(shard.prompts)), shard.epoch)
        return self.go_on()

    def go_on(self) -> Report:
        """Return the next answers to the shard.

        Raises:
            InputError, EnvironmentFault: As in `Engine`.
        """
        assert self._shard is not None  # noqa: S101 - `begin` was called before
        assert self._engine is not None  # noqa: S101
        end = time.monotonic() + _SECONDS_OF_A_REPORT
        answers: list[tuple[int, Completion]] = []
        ended = True
        for at, completion in self._answers:
            answers.append((self._shard.indices[at], completion))
            if time.monotonic() >= end:
                ended = False
                break
        before, self._told_bases = self._told_bases, self._engines.bases
        return Report(answers, ended, self._environment, self._engine.notes(), self._told_bases - before)

    def _open(self, model: Model) -> Engine:
        candidate = on_this_machine(model.candidate)
        return self._engines.open(candidate, locate(candidate), model.device, model.dtype, ())
