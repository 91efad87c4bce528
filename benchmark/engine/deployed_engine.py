"""Generates completions with a deployed model: a server is asked as a client asks it, without a client library."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from typing import Any

from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.config.request_limits import RequestLimits
from toolmark.benchmark.core.errors import EnvironmentFault
from toolmark.benchmark.data.completions import Completion, Prompt
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.engine import NotAnswered
from toolmark.benchmark.engine.generation_progress import GenerationProgress
from toolmark.benchmark.engine.json_server import BadReply
from toolmark.benchmark.engine.runtimes.connect import connected
from toolmark.benchmark.engine.runtimes.runtime import Question

__all__ = ["DeployedEngine"]

_REFUSES_ALL = (401, 402, 403, 404)
_BUSY = (429, 503)
_MAX_FAILURES = 3
"""If this number of requests in a row failed, the server seems to be down. Then no further request is sent."""


class DeployedEngine:
    """Generates completions with a deployed model.

    If the server refuses a conversation, a client gets no answer. So the answer counts as empty. A request that fails
    because the server is busy or cannot be reached is not sent again. The next run asks again.

    Args:
        spec: The spec of the deployed model, see `candidates/deployed.py`.
        decoding: The decoding options.
        requests: Limits on the requests.
        threads: Number of processor threads of a server that is started here.

    Raises:
        InputError: The spec is neither a server nor a GGUF file.
        EnvironmentFault: The server cannot be reached or started, or it lists no model.
    """

    def __init__(
        self, spec: str, decoding: Decoding, requests: RequestLimits | None = None, threads: int | None = None
    ) -> None:
        self._requests = requests or RequestLimits()
        self._open = ExitStack()
        self._runtime = self._open.enter_context(connected(spec, self._requests.timeout, threads or 1))
        self._decoding = decoding
        self._prompts: Sequence[Prompt] = ()
        self._stops: tuple[str, ...] = ()
        self._refusals: list[str] = []

    def prepare(
        self,
        prompts: Sequence[Prompt],
        dialect: Dialect,
        one_call: Collection[int] = (),  # noqa: ARG002
        *,
        goes_on: bool = False,  # noqa: ARG002
    ) -> None:
        """Store the prompts. They are not checked, because only the server knows whether a prompt is too long."""
        self._prompts = prompts
        self._stops = tuple(dialect.stops)

    def environment(self) -> dict[str, Any]:
        """Return the name and version of the server, its chat template, and all that it tells about itself."""
        facts = self._runtime.facts
        fields: dict[str, Any] = {"engine": facts.name, "connections": self._requests.connections}
        if "template" in facts.told:
            fields["template"] = facts.told["template"]
        return fields | {"server": facts.as_json()}

    def close(self) -> None:
        """End the server, if this engine started it."""
        self._open.close()

    def notes(self) -> tuple[str, ...]:
        """Return a line with the number of refused conversations. If there are none, return no line."""
        if not self._refusals:
            return ()
        return (f"the server refused {len(self._refusals)} conversations, for example: {self._refusals[0]}",)

    def answer(
        self, indices: Sequence[int], epoch: int = 1, progress: GenerationProgress | None = None
    ) -> Iterator[tuple[int, Completion]]:
        """Yield (index, completion) as soon as the server has answered.

        Raises:
            NotAnswered: Some requests failed. If the server seems to be down, the remaining requests were not sent.
            EnvironmentFault: The server refuses all requests, because of its address, the name of the model or a key.
        """
        numbers = {index: number for number, index in enumerate(indices)}
        characters = [self._prompts[index].characters for index in indices]
        work = (progress or GenerationProgress()).served(characters, self._requests.connections)
        remaining = iter(indices)
        reasons: dict[int, str] = {}
        failures = 0  # the number of failed requests since the last answer
        waiting: dict[Future[Completion], int] = {}
        pool = ThreadPoolExecutor(self._requests.connections)
        try:
            while True:
                while (
                    failures < _MAX_FAILURES
                    and len(waiting) < self._requests.connections
                    and (index := next(remaining, None)) is not None
                ):
                    waiting[pool.submit(self._reply, index, epoch)] = index
                if not waiting:
                    break
                for future in sorted(wait(waiting, return_when=FIRST_COMPLETED).done, key=waiting.__getitem__):
                    index = waiting.pop(future)
                    work.ended(numbers[index])
                    try:
                        completion = future.result()
                    except BadReply as error:
                        reasons[index] = error.reason
                        failures += 1
                    else:
                        failures = 0
                        yield index, completion
        finally:
            pool.shutdown(cancel_futures=True)
        if reasons:
            raise NotAnswered(reasons, asked=next(remaining, None) is None)

    def _reply(self, index: int, epoch: int) -> Completion:
        """Return the reply to a prompt. If the server refuses the conversation, the reply is empty.

        Raises:
            BadReply: The server is busy or cannot be reached.
            EnvironmentFault: The server refuses every request.
        """
        decoding = self._decoding
        seed = decoding.seed + epoch - 1 if decoding.temperature > 0 else None
        prompt = self._prompts[index]
        question = Question(prompt, decoding.all_tokens, self._stops, decoding.temperature, seed)
        try:
            return self._runtime.chat(question).completion
        except BadReply as error:
            if error.status in _REFUSES_ALL:
                raise EnvironmentFault(
                    f"the server at {self._runtime.root.url} refuses all requests: {error.reason}",
                    "Check its address, the name of the model, and the API key.",
                ) from error
            if error.status is None or error.status in _BUSY:
                raise
            self._refusals.append(error.reason)
            return Completion("", stop_reason="unknown")
