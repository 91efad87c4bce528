"""Contains the dialects, one file for each family of models.

A dialect defines how tools are shown to a model, and how the calls in the model's answer are read. Every dialect reads
an answer in two ways. The *strict* reading accepts only the form that the dialect prescribes. The *lenient* reading
also accepts common small mistakes, for example a missing closing tag.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from toolmark.benchmark.data.cases import Message, Tool
from toolmark.benchmark.data.completions import Completion, ParsedCompletion, Prompt

__all__ = ["BaseDialect", "Dialect"]


@runtime_checkable
class Dialect(Protocol):
    """The interface of a dialect.

    To add a dialect, derive a class from `BaseDialect`, and register the class in the entry-point group
    `toolmark.dialects`. `BaseDialect` has defaults for all attributes except `name`.
    A dialect that writes tools and calls as text can be derived from
    `toolmark.benchmark.dialects.text_dialect.TextDialect`.

    Attributes:
        name: The name that the option `--dialect` takes. The record of an adapter also contains this name.
        version: Version of the dialect. Change it whenever `render` or `parse` changes. Runs record the version, so
            that old and new results are not mixed.
        stops: Strings that end a completion, in addition to the model's own stop tokens.
    """

    name: str
    version: str
    stops: Sequence[str]

    def render(self, messages: Sequence[Message], tools: Sequence[Tool]) -> Prompt:
        """Return the prompt for a conversation and the offered tools.

        A dialect either writes the tools into the turns, or gives them to the chat template (`Prompt.tools`).
        """
        ...

    def parse(self, completion: Completion, *, strict: bool) -> ParsedCompletion:
        """Read the calls of a completion, without the schemas of the tools.

        This function must not raise an exception for any text of a model.

        Args:
            completion: The answer of the model.
            strict: Whether this reading is strict. If not, it is lenient.
        """
        ...


class BaseDialect:
    """Base class of dialects, with the defaults of the optional attributes. See `Dialect`."""

    version: str = "1"
    stops: Sequence[str] = ()
