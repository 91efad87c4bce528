"""Engines, which generate completions.

An engine gets all prompts of a run at once and chooses the order of the answers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from typing import Any, Protocol

from toolmark.benchmark.data.completions import Completion, Prompt
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.engine.generation_progress import GenerationProgress

__all__ = ["Engine", "NotAnswered", "PromptTooLong"]


class PromptTooLong(Exception):
    """Some prompts leave no room for an answer.

    Attributes:
        lengths: Number of tokens of each prompt that is too long, by the prompt's index.
        room: The largest number of tokens that a prompt may have.
    """

    def __init__(self, lengths: Mapping[int, int], room: int) -> None:
        super().__init__(lengths, room)
        self.lengths = lengths
        self.room = room


class NotAnswered(Exception):
    """Some prompts have no completion, and sending these prompts again would not help now.

    Attributes:
        reasons: The reason for each of these prompts, by the prompt's index.
        too_long: Indices of the prompts that do not fit into the context of the server.
        asked: Whether all other prompts were sent to the server. False if the server seems to be down.
    """

    def __init__(self, reasons: Mapping[int, str], too_long: Set[int] = frozenset(), *, asked: bool = True) -> None:
        super().__init__(reasons, too_long, asked)
        self.reasons = reasons
        self.too_long = too_long
        self.asked = asked


class Engine(Protocol):
    """The interface of local and served generation."""

    def prepare(self, prompts: Sequence[Prompt], dialect: Dialect, one_call: Collection[int] = ()) -> None:
        """Check and encode all prompts.

        Args:
            prompts: All prompts of the run.
            dialect: The dialect. The dialect's stops end a completion.
            one_call: Indices of the prompts whose completions end after the first complete call.

        Raises:
            PromptTooLong: Some prompts leave no room for an answer.
            InputError: The model's chat template cannot render a prompt.
        """
        ...

    def answer(
        self, indices: Sequence[int], epoch: int = 1, progress: GenerationProgress | None = None
    ) -> Iterator[tuple[int, Completion]]:
        """Complete the prepared prompts with these indices, and yield (index, completion) when a completion is ready.

        Args:
            indices: Indices of prompts.
            epoch: Number of the epoch, from 1.
            progress: Receives what is read and written.

        Raises:
            NotAnswered: Some prompts have no completion. The error is raised after all other completions were yielded.
            EnvironmentFault: No prompt can be completed.
        """
        ...

    def notes(self) -> tuple[str, ...]:
        """Lines for the user about the generation so far."""
        ...

    def environment(self) -> dict[str, Any]:
        """Device, threads and batch layout, for the run's record."""
        ...
