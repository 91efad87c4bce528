"""How tools are shown to a model and how its calls are read back: one family a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from toolmark.benchmark.data.cases import Message, Tool
from toolmark.benchmark.data.completions import Completion, ParsedCompletion, Prompt

__all__ = ["Dialect"]


@runtime_checkable
class Dialect(Protocol):
    """A dialect. Group `toolmark.dialects`.

    Attributes:
        name: How `--dialect` and adapters call it.
        version: Changes whenever rendering or reading does; part of a run's identity.
        stops: Strings that end a completion beside the model's own stop tokens.
    """

    name: str
    version: str
    stops: Sequence[str]

    def render(self, messages: Sequence[Message], tools: Sequence[Tool]) -> Prompt:
        """Tell the conversation and the tools as plain turns, or leave the tools to the chat template."""
        ...

    def parse(self, completion: Completion, *, strict: bool) -> ParsedCompletion:
        """Read the calls of a completion. Never raises on what a model wrote, and never sees a schema."""
        ...
