"""Completions for prompts. An engine is opened once, takes all prompts of a run, and answers in its own best order."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from typing import Any, Protocol

from toolmark.benchmark.data.completions import Completion, Prompt
from toolmark.benchmark.dialects import Dialect

__all__ = ["Engine", "NotAnswered", "PromptTooLong"]


class PromptTooLong(Exception):
    """Some prompts leave no room for an answer.

    Attributes:
        lengths: Tokens of each such prompt, by its index.
        room: Tokens that a prompt may have.
    """

    def __init__(self, lengths: Mapping[int, int], room: int) -> None:
        super().__init__(lengths, room)
        self.lengths = lengths
        self.room = room


class NotAnswered(Exception):
    """Some prompts have no answer, and asking for it again would not help now.

    Attributes:
        reasons: By the prompt's index.
        too_long: Those that do not fit the context, as only the server could know.
        asked: Whether every other prompt was asked; not, where the server seems to be down.
    """

    def __init__(self, reasons: Mapping[int, str], too_long: Set[int] = frozenset(), *, asked: bool = True) -> None:
        super().__init__(reasons, too_long, asked)
        self.reasons = reasons
        self.too_long = too_long
        self.asked = asked


class Engine(Protocol):
    """The face of local and served generation."""

    def prepare(self, prompts: Sequence[Prompt], dialect: Dialect, one_call: Collection[int] = ()) -> None:
        """Check and encode all prompts, for completions that `dialect` ends and reads.

        Args:
            prompts: What will be asked.
            dialect: Whose stops end a completion.
            one_call: Indices of the prompts whose completions end behind their first whole call.

        Raises:
            PromptTooLong: Before anything is generated.
            InputError: The model's template cannot tell a prompt.
        """
        ...

    def answer(self, indices: Sequence[int], epoch: int = 1) -> Iterator[tuple[int, Completion]]:
        """Complete the prepared prompts with these indices; yields (index, completion) as they are ready.

        Raises:
            NotAnswered: At the end, where some have no answer; all that have one were yielded.
            EnvironmentFault: None can have one.
        """
        ...

    def notes(self) -> tuple[str, ...]:
        """What a user should know of how the answers so far came, a line each."""
        ...

    def environment(self) -> dict[str, Any]:
        """Device, threads and batch layout, for the record."""
        ...
