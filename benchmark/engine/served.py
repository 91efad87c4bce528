"""Completions from a served model, through any of Inspect's providers: HTTP, retries and back-off are Inspect's."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from benchmark.completions import Completion, Prompt
from benchmark.config import Decoding
from benchmark.dialects import Dialect
from benchmark.engine.inspect_chat import completion_of, messages_of, tools_of
from benchmark.errors import EnvironmentFault

__all__ = ["ServedEngine"]

_CONNECTIONS = 10


class ServedEngine:
    """A model behind an API.

    Args:
        model: Inspect's name for it, such as `openai/gpt-4.1`.
        decoding: How to draw tokens.

    Raises:
        EnvironmentFault: The provider's package or key is missing.
    """

    def __init__(self, model: str, decoding: Decoding) -> None:
        from inspect_ai.model import GenerateConfig, get_model

        config = GenerateConfig(
            max_tokens=decoding.max_tokens,
            temperature=decoding.temperature,
            seed=decoding.seed if decoding.temperature > 0 else None,
            max_connections=_CONNECTIONS,
        )
        try:
            self._model = get_model(model, config=config)
        except Exception as error:  # Inspect raises a different type for each provider's missing package or key
            raise EnvironmentFault(
                f"{model} cannot be opened: {_reason(error)}", "Install the provider's package and set its API key."
            ) from error
        self._prompts: Sequence[Prompt] = ()
        self._stops: list[str] = []

    def prepare(self, prompts: Sequence[Prompt], dialect: Dialect, one_call: Collection[int] = ()) -> None:  # noqa: ARG002
        """Keep the prompts; only the server knows how long is too long."""
        self._prompts = prompts
        self._stops = list(dialect.stops)

    def environment(self) -> dict[str, Any]:
        """Only what is known from here."""
        return {"engine": "inspect", "connections": _CONNECTIONS}

    def answer(self, indices: Sequence[int], epoch: int = 1) -> Iterator[tuple[int, Completion]]:  # noqa: ARG002
        """Yield (index, completion) in the given order, `_CONNECTIONS` requests at a time.

        Raises:
            EnvironmentFault: A request failed for good; what was answered beside it has been yielded.
        """
        with asyncio.Runner() as runner:
            for start in range(0, len(indices), _CONNECTIONS):
                chunk = indices[start : start + _CONNECTIONS]
                outputs = runner.run(self._complete(chunk))
                for index, output in zip(chunk, outputs, strict=True):
                    if not isinstance(output, BaseException):
                        yield index, output
                for output in outputs:
                    if isinstance(output, BaseException):
                        raise EnvironmentFault(
                            f"{self._model} did not answer: {_reason(output)}",
                            "Run the same command again: what is done is kept.",
                        ) from output

    async def _complete(self, indices: Sequence[int]) -> list[Completion | BaseException]:
        requests = (self._answer(self._prompts[index]) for index in indices)
        return await asyncio.gather(*requests, return_exceptions=True)

    async def _answer(self, prompt: Prompt) -> Completion:
        from inspect_ai.event import ModelEvent
        from inspect_ai.log._transcript import Transcript, init_transcript
        from inspect_ai.model import GenerateConfig

        transcript = Transcript()
        init_transcript(transcript)  # of this task alone: each request keeps the response that belongs to it
        config = GenerateConfig(stop_seqs=self._stops or None)
        output = await self._model.generate(messages_of(prompt), tools=tools_of(prompt), config=config)
        events = [event for event in transcript.events if isinstance(event, ModelEvent) and event.call is not None]
        return completion_of(output, events[-1].call.response if events and events[-1].call else None)


def _reason(error: BaseException) -> str:
    """A provider's message on one line, without the mark-up that Inspect gives it."""
    plain = re.sub(r"\[/?[a-z ]+\]", "", str(error)).strip().removeprefix("ERROR:")
    return " ".join(plain.split()) or type(error).__name__
