"""Dialects. A dialect defines how a model sees the tools, and how the calls of the model are read.

Every file contains the dialect of one model family.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from toolmark.benchmark.data.cases import Message, Tool
from toolmark.benchmark.data.completions import Completion, ParsedCompletion, Prompt

__all__ = ["BaseDialect", "Dialect"]


@runtime_checkable
class Dialect(Protocol):
    """A dialect, in the entry-point group `toolmark.dialects`. The option `--dialect NAME` chooses a dialect.

    Derive from `BaseDialect`, which has the defaults of all attributes except `name`.

    Attributes:
        name: The NAME of `--dialect NAME`. The records of adapters contain this name too.
        version: Part of a run's identity. Change the version whenever `render` or `parse` changes.
        stops: Strings that end a completion, in addition to the model's own stop tokens.
    """

    name: str
    version: str
    stops: Sequence[str]

    def render(self, messages: Sequence[Message], tools: Sequence[Tool]) -> Prompt:
        """Write the conversation and the tools as plain turns, or leave the tools to the chat template."""
        ...

    def parse(self, completion: Completion, *, strict: bool) -> ParsedCompletion:
        """Read the calls of a completion, without a schema. No text of a model may cause an exception."""
        ...


class BaseDialect:
    """The defaults of a dialect's optional attributes. See `Dialect`."""

    version: str = "1"
    stops: Sequence[str] = ()
