"""Generates completions with a served model, through any of Inspect's providers."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.config.request_limits import RequestLimits
from toolmark.benchmark.core.errors import EnvironmentFault
from toolmark.benchmark.data.completions import Completion, Prompt
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.engine import NotAnswered
from toolmark.benchmark.engine.call_beginning import CallBeginning
from toolmark.benchmark.engine.chat_address import without_version
from toolmark.benchmark.engine.generation_progress import GenerationProgress
from toolmark.benchmark.engine.json_server import JsonServer
from toolmark.benchmark.engine.prices import register_prices
from toolmark.benchmark.engine.served_logprobs import MOST_TOKENS
from toolmark.benchmark.engine.served_requests import Refused, ServedModel, Unanswered, fault_notes
from toolmark.benchmark.engine.served_template_args import template_args_config
from toolmark.benchmark.engine.server_facts import server_facts

__all__ = ["ServedEngine"]

_FACTS_SECONDS = 5.0
"""The limit on the time of each request that asks the server what it is."""

_MAX_FAILURES = 3
"""If this number of prompts in a row got no answer, the server seems to be down. Then no further prompt is sent."""


class ServedEngine:
    """Generates completions with a model behind an API.

    Args:
        model: Inspect's name of the model, such as `openai/gpt-4.1`.
        decoding: The decoding options.
        requests: Limits on the requests.

    Raises:
        EnvironmentFault: The package or the API key of the provider is missing.
        InputError: The file of prices cannot be read.
    """

    def __init__(self, model: str, decoding: Decoding, requests: RequestLimits | None = None) -> None:
        register_prices()
        self._requests = requests or RequestLimits()
        self._model = ServedModel(model, self._requests)
        self._config: dict[str, Any] = {
            "max_tokens": decoding.all_tokens,  # A server has only one limit, for thoughts and answer together.
            "temperature": decoding.temperature,
            "seed": decoding.seed if decoding.temperature > 0 else None,
        }
        self._prompts: Sequence[Prompt] = ()
        # All requests use one event loop, because a connection can be used again only in its own loop.
        self._runner = asyncio.Runner()

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
        self._config["stop_seqs"] = list(dialect.stops) or None
        if self._requests.logprobs:
            self._model.call_beginning = CallBeginning.of_dialect(dialect)
            self._config |= {"logprobs": True, "top_logprobs": MOST_TOKENS}
        self._config |= template_args_config(prompts[0].template_args if prompts else {})

    def environment(self) -> dict[str, Any]:
        """Return the name of the engine, the number of connections, and what the server tells about itself.

        The devices of the server are not known.
        """
        fields = {"engine": "inspect", "connections": self._requests.connections}
        address = self._model.address
        if address is None:
            return fields
        root = JsonServer(without_version(address.url), address.headers, _FACTS_SECONDS)
        return fields | {"server": server_facts(root, address.model).as_json()}

    def close(self) -> None:
        """Close the event loop of the requests."""
        self._runner.close()

    def notes(self) -> tuple[str, ...]:
        """Return a line with the number of failed requests of each kind. If no request failed, return no line."""
        return fault_notes(self._model.faults)

    def answer(
        self,
        indices: Sequence[int],
        epoch: int = 1,  # noqa: ARG002
        progress: GenerationProgress | None = None,
    ) -> Iterator[tuple[int, Completion]]:
        """Yield (index, completion) as soon as the server has answered.

        Completions that arrive together are yielded in the order of their indices.

        Raises:
            NotAnswered: Some prompts were refused, or failed in every try. If the server seems to be down, the
                remaining prompts were not sent. Otherwise, all other prompts were answered.
            EnvironmentFault: The server refuses all requests. The answers before this refusal were yielded.
        """
        numbers = {index: number for number, index in enumerate(indices)}
        characters = [self._prompts[index].characters for index in indices]
        work = (progress or GenerationProgress()).served(characters, self._requests.connections)
        remaining = iter(indices)
        reasons: dict[int, str] = {}
        too_long: set[int] = set()
        fault: EnvironmentFault | None = None
        failures = 0  # the number of unanswered prompts since the last answer
        runner = self._runner
        waiting: dict[asyncio.Task[Completion], int] = {}
        try:
            while True:
                asking = fault is None and failures < _MAX_FAILURES
                while (
                    asking
                    and len(waiting) < self._requests.connections
                    and (index := next(remaining, None)) is not None
                ):
                    coroutine = self._model.ask(self._prompts[index], self._config)
                    waiting[runner.get_loop().create_task(coroutine)] = index
                if not waiting:
                    break
                done = runner.run(_first(waiting))
                for task in sorted(done, key=waiting.__getitem__):
                    index = waiting.pop(task)
                    work.ended(numbers[index])
                    try:
                        completion = task.result()
                    except Refused as error:
                        reasons[index] = error.reason
                        too_long |= {index} if error.too_long else set()
                        failures += not error.too_long
                    except Unanswered as error:
                        reasons[index] = str(error)
                        failures += 1
                    except EnvironmentFault as error:
                        fault = error
                    else:
                        failures = 0
                        yield index, completion
        finally:
            if waiting:
                runner.run(_cancelled(waiting))
        if fault is not None:
            raise fault
        if reasons:
            raise NotAnswered(reasons, too_long, asked=next(remaining, None) is None)


async def _cancelled(tasks: Collection[asyncio.Task[Completion]]) -> None:
    """Cancel tasks, and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def _first(tasks: dict[asyncio.Task[Completion], int]) -> set[asyncio.Task[Completion]]:
    """Wait until at least one task has ended. Return all tasks that have ended."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    return done
