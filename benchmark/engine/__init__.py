"""Engines generate completions. An engine gets all prompts of a run at once, and decides in which order it answers."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from typing import Any, Protocol

from toolmark.benchmark.data.completions import Completion, Prompt
from toolmark.benchmark.dialects import Dialect
from toolmark.benchmark.engine.generation_progress import GenerationProgress

__all__ = ["Engine", "NotAnswered", "PromptTooLong"]

# On Linux, tensors of 2 MB or more then lie in large pages. With small pages, the system needs a tenth of the time to
# provide the memory. Torch reads the variable when it makes the first tensor.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")


class PromptTooLong(Exception):
    """Some prompts are so long that the context has no room for an answer.

    Attributes:
        lengths: Number of tokens of each prompt that is too long. The key is the index of the prompt.
        room: Highest number of tokens that a prompt is allowed to have.
    """

    def __init__(self, lengths: Mapping[int, int], room: int) -> None:
        super().__init__(lengths, room)
        self.lengths = lengths
        self.room = room


class NotAnswered(Exception):
    """Some prompts got no completion, because the server refused them, or because every try failed.

    Attributes:
        reasons: The reason for each of these prompts. The key is the index of the prompt.
        too_long: Indices of the prompts that are too long for the context of the served model.
        asked: Whether all other prompts were sent to the server. It is False if the server seems to be down.
    """

    def __init__(self, reasons: Mapping[int, str], too_long: Set[int] = frozenset(), *, asked: bool = True) -> None:
        super().__init__(reasons, too_long, asked)
        self.reasons = reasons
        self.too_long = too_long
        self.asked = asked


class Engine(Protocol):
    """The interface of local and served generation."""

    def prepare(
        self, prompts: Sequence[Prompt], dialect: Dialect, one_call: Collection[int] = (), *, goes_on: bool = False
    ) -> None:
        """Check and encode all prompts.

        Args:
            prompts: All prompts of the run.
            dialect: The dialect. A completion ends at one of the stops of the dialect.
            one_call: Indices of prompts. The completions of these prompts end after the first complete call.
            goes_on: Whether later prompts continue these prompts and their completions, as in conversations. The
                prompts of one epoch are then always in the same call of `prepare`.

        Raises:
            PromptTooLong: Some prompts leave no room for an answer.
            InputError: The chat template of the model cannot render a prompt.
        """
        ...

    def answer(
        self, indices: Sequence[int], epoch: int = 1, progress: GenerationProgress | None = None
    ) -> Iterator[tuple[int, Completion]]:
        """Generate completions for these prompts. Yield (index, completion) as soon as a completion is ready.

        Args:
            indices: Indices of prepared prompts.
            epoch: Number of the epoch, from 1.
            progress: Receives how many tokens or requests are done.

        Raises:
            NotAnswered: Some prompts have no completion. The error is raised after all other completions were yielded.
            EnvironmentFault: No prompt can be completed.
        """
        ...

    def notes(self) -> tuple[str, ...]:
        """Return lines for the user about the generation so far."""
        ...

    def environment(self) -> dict[str, Any]:
        """Return the device, the number of threads and the layout of the batches. They are recorded with the run."""
        ...
