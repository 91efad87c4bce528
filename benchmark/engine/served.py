"""Completions from a served model, through any of Inspect's providers: HTTP, retries and back-off are Inspect's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from benchmark.completions import Completion, Prompt
from benchmark.config import Decoding
from benchmark.engine.inspect_chat import completion_of, messages_of
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
            reason = str(error).strip().splitlines()[0]
            raise EnvironmentFault(
                f"{model} cannot be opened: {reason}", "Install the provider's package and set its API key."
            ) from error
        self._prompts: Sequence[Prompt] = ()

    def prepare(self, prompts: Sequence[Prompt]) -> None:
        """Keep the prompts; only the server knows how long is too long."""
        self._prompts = prompts

    def environment(self) -> dict[str, Any]:
        """Only what is known from here."""
        return {"engine": "inspect", "connections": _CONNECTIONS}

    def answer(self, indices: Sequence[int], epoch: int = 1) -> Iterator[tuple[int, Completion]]:  # noqa: ARG002
        """Yield (index, completion) in the given order, `_CONNECTIONS` requests at a time."""
        with asyncio.Runner() as runner:
            for start in range(0, len(indices), _CONNECTIONS):
                chunk = indices[start : start + _CONNECTIONS]
                yield from zip(chunk, runner.run(self._complete(chunk)), strict=True)

    async def _complete(self, indices: Sequence[int]) -> list[Completion]:
        try:
            outputs = await asyncio.gather(
                *(self._model.generate(messages_of(self._prompts[index])) for index in indices)
            )
        except Exception as error:  # whatever a provider raises after its retries
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise EnvironmentFault(
                f"{self._model} did not answer: {reason}", "Run the same command again: what is done is kept."
            ) from error
        return [completion_of(output) for output in outputs]
