"""Completions from a served model, through any of Inspect's providers."""

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
from toolmark.benchmark.engine.prices import know_prices
from toolmark.benchmark.engine.served_requests import Refused, ServedModel, Unanswered, faults_told

__all__ = ["ServedEngine"]

_DOWN = 3
"""Prompts in a row without an answer, and none answered between them, after which no other is asked."""


class ServedEngine:
    """A model behind an API.

    Args:
        model: Inspect's name for it, such as `openai/gpt-4.1`.
        decoding: How to draw tokens.
        requests: How patiently it is asked.

    Raises:
        EnvironmentFault: The provider's package or key is missing.
        InputError: The file of prices cannot be read.
    """

    def __init__(self, model: str, decoding: Decoding, requests: RequestLimits | None = None) -> None:
        know_prices()
        self._requests = requests or RequestLimits()
        self._model = ServedModel(model, self._requests)
        self._config: dict[str, Any] = {
            "max_tokens": decoding.max_tokens,
            "temperature": decoding.temperature,
            "seed": decoding.seed if decoding.temperature > 0 else None,
        }
        self._prompts: Sequence[Prompt] = ()

    def prepare(self, prompts: Sequence[Prompt], dialect: Dialect, one_call: Collection[int] = ()) -> None:  # noqa: ARG002
        """Keep the prompts; only the server knows how long is too long."""
        self._prompts = prompts
        self._config["stop_seqs"] = list(dialect.stops) or None

    def environment(self) -> dict[str, Any]:
        """Only what is known from here."""
        return {"engine": "inspect", "connections": self._requests.connections}

    def notes(self) -> tuple[str, ...]:
        """How many requests failed, by kind."""
        return faults_told(self._model.faults)

    def answer(self, indices: Sequence[int], epoch: int = 1) -> Iterator[tuple[int, Completion]]:  # noqa: ARG002
        """Yield (index, completion) as the server answers, in the order asked where two come at once.

        Raises:
            NotAnswered: Some prompts were refused, or failed too often; all others are answered, unless the server
                seems to be down.
            EnvironmentFault: It refuses everybody; what was answered before has been yielded.
        """
        left = iter(indices)
        reasons: dict[int, str] = {}
        too_long: set[int] = set()
        fault: EnvironmentFault | None = None
        row = 0  # prompts without an answer since the last that had one
        with asyncio.Runner() as runner:
            waiting: dict[asyncio.Task[Completion], int] = {}
            while True:
                asking = fault is None and row < _DOWN
                while asking and len(waiting) < self._requests.connections and (index := next(left, None)) is not None:
                    coroutine = self._model.ask(self._prompts[index], self._config)
                    waiting[runner.get_loop().create_task(coroutine)] = index
                if not waiting:
                    break
                done = runner.run(_first(waiting))
                for task in sorted(done, key=waiting.__getitem__):
                    index = waiting.pop(task)
                    try:
                        completion = task.result()
                    except Refused as error:
                        reasons[index] = error.reason
                        too_long |= {index} if error.too_long else set()
                        row += not error.too_long
                    except Unanswered as error:
                        reasons[index] = str(error)
                        row += 1
                    except EnvironmentFault as error:
                        fault = error
                    else:
                        row = 0
                        yield index, completion
        if fault is not None:
            raise fault
        if reasons:
            raise NotAnswered(reasons, too_long, asked=next(left, None) is None)


async def _first(tasks: dict[asyncio.Task[Completion], int]) -> set[asyncio.Task[Completion]]:
    """Those that have ended, of tasks that go on between the calls of a loop."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    return done
