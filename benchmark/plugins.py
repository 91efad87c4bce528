"""The protocols of every plug-in, with every type that they name: a third party imports this module alone.

A plug-in is an object (or a class without arguments) under one entry point of the group that its protocol names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel

from benchmark.cases import Call, Case, Expectation, Message, Source, Tool, Toolbox
from benchmark.completions import Completion, Prompt, Reading
from benchmark.dialects import Dialect
from benchmark.readers import BadRow, Reader
from benchmark.tools.sandbox import Result
from benchmark.traces import Trace
from benchmark.verdicts.comparison import Comparison

__all__ = [
    "BadRow",
    "Call",
    "Case",
    "Comparison",
    "Completion",
    "Dialect",
    "Expectation",
    "Generation",
    "Generator",
    "Message",
    "Patterned",
    "Prompt",
    "Reader",
    "Reading",
    "Renderer",
    "Result",
    "Source",
    "Tool",
    "Toolbox",
    "Trace",
    "Trainer",
    "Training",
]

O_contra = TypeVar("O_contra", bound=BaseModel, contravariant=True)


@dataclass(frozen=True, slots=True)
class Generation:
    """What a generator is given.

    Attributes:
        seed: Of everything that it draws.
        execute: Runs a tool in the sandbox; a result of the kind `no_implementation` where it may not run.
        note: Tells the user something, a line at a time.
        drop: Counts a conversation that the generator itself gave up: stage, reason, query, query type, tool.
        folder: Where replies that were paid for are kept until the user removes it; None where nothing is kept.
    """

    seed: int
    execute: Callable[[Tool, Mapping[str, Any]], Result]
    note: Callable[[str], None] = lambda _: None
    drop: Callable[[str, str, str, str, str | None], None] = lambda *_: None
    folder: Path | None = None


@runtime_checkable
class Generator(Protocol[O_contra]):
    """Proposes traces; the pipeline judges and writes them. Group `toolmark.generators`.

    It may have two more methods: `facts(options)`, what the manifest tells of a generation, and `lasting(options)`, the
    options that the manifest tells where not all of them shape the dataset.
    """

    name: str
    Options: type[BaseModel]

    def propose(self, toolbox: Toolbox, options: O_contra, ctx: Generation) -> Iterator[Trace]:
        """Yield traces over the tools of `toolbox`, the same ones for the same seed."""
        ...


@runtime_checkable
class Patterned(Protocol):
    """A generator that fills templates and can list them, so that authored cases are checked against them."""

    def patterns(self) -> Iterator[str]:
        """The texts of users that it fills, slots in braces."""
        ...


@dataclass(frozen=True, slots=True)
class Training:
    """What a trainer is given: its seed, and where it reports a point of its curve."""

    seed: int
    log: Callable[[Mapping[str, float]], None]


@runtime_checkable
class Trainer(Protocol[O_contra]):
    """Makes a candidate from traces. Group `toolmark.trainers`."""

    name: str
    Options: type[BaseModel]

    def train(self, data: Path, out: Path, options: O_contra, ctx: Training) -> None:
        """Train on the trace dataset in `data` and write a model or adapter directory to `out`."""
        ...


@runtime_checkable
class Renderer(Protocol):
    """Draws a comparison and computes nothing. Group `toolmark.renderers`.

    `suffixes` are the endings of files that it writes, `/` for a folder; the longest fitting one decides.
    """

    name: str
    suffixes: Sequence[str]

    def render(self, comparison: Comparison, out: Path | None) -> None:
        """Write to `out`, or to the terminal where `out` is None."""
        ...
