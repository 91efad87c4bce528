"""Dialects: how tools are shown to a model, and how its calls are read back. One model family a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from toolmark.benchmark.data.cases import Message, Tool
from toolmark.benchmark.data.completions import Completion, ParsedCompletion, Prompt

__all__ = ["BaseDialect", "Dialect"]


@runtime_checkable
class Dialect(Protocol):
    """A dialect. Entry-point group `toolmark.dialects`; chosen by `--dialect NAME`.

    Derive from `BaseDialect`, which has the defaults of all attributes but `name`.

    Attributes:
        name: The NAME of `--dialect NAME`, also in the records of adapters.
        version: Part of a run's identity. Change it whenever `render` or `parse` changes.
        stops: Strings that end a completion, in addition to the model's own stop tokens.
    """

    name: str
    version: str
    stops: Sequence[str]

    def render(self, messages: Sequence[Message], tools: Sequence[Tool]) -> Prompt:
        """Write the conversation and the tools as plain turns, or leave the tools to the chat template."""
        ...

    def parse(self, completion: Completion, *, strict: bool) -> ParsedCompletion:
        """Read the calls of a completion. Never raises, whatever the model wrote, and never sees a schema."""
        ...


class BaseDialect:
    """The defaults of a dialect's optional attributes; see `Dialect`."""

    version: str = "1"
    stops: Sequence[str] = ()
