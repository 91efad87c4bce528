"""The protocols of every plug-in, with every type that they name: a third party imports this module alone.

A plug-in is an object (or a class without arguments) under one entry point of the group that its protocol names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel

from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.data.cases import Call, Case, Expectation, Message, Source, Tool, Toolbox
from toolmark.benchmark.data.completions import Completion, ParsedCompletion, Prompt
from toolmark.benchmark.data.dataset import TraceDataset
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.dialects import BaseDialect, Dialect
from toolmark.benchmark.engine.encoding import Encoded
from toolmark.benchmark.readers import BadRow, BaseReader, Reader
from toolmark.benchmark.tools.sandbox import Result
from toolmark.benchmark.verdicts.comparison import Comparison

__all__ = [
    "BadRow",
    "BaseDialect",
    "BaseReader",
    "Call",
    "Candidate",
    "Case",
    "Comparison",
    "Completion",
    "DevFigure",
    "Dialect",
    "Encoded",
    "Expectation",
    "Generation",
    "Generator",
    "Message",
    "ParsedCompletion",
    "Patterned",
    "Prompt",
    "Reader",
    "Renderer",
    "Result",
    "Source",
    "Tool",
    "Toolbox",
    "Trace",
    "TraceDataset",
    "Trained",
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
class DevFigure:
    """A metric over the dev cases: of what is being trained, of its base, and the verdict between them."""

    score: float | None
    base: float | None
    verdict: str | None


@dataclass(frozen=True, slots=True)
class Training:
    """What a trainer is given beside its base, data and options.

    Attributes:
        seed: Of everything that is drawn.
        log: Reports a point of the curve: `step`, and figures by name.
        say: Tells the user a line.
        weights: Directory of the base's weights; None where there is no base.
        examples: Token ids of the conversations of a split, with what the model itself must write; every mask is
            checked. Of the split `validation` there may be none.
        kinds: The query type of each of these.
        decisions: Of each the places of the tokens by which a reply decides: to call or not, and which tool.
        score_dev: Judges an adapter or model directory on dev cases: figures by metric.
    """

    seed: int
    log: Callable[[Mapping[str, float]], None]
    say: Callable[[str], None] = lambda _: None
    weights: Path | None = None
    examples: Callable[[str], Sequence[Encoded]] = lambda _: ()
    kinds: Callable[[str], Sequence[str]] = lambda _: ()
    decisions: Callable[[str], Sequence[frozenset[int]]] = lambda _: ()
    score_dev: Callable[[Path], Mapping[str, DevFigure]] = lambda _: {}


@dataclass(frozen=True, slots=True)
class Trained:
    """What a trainer says of a training; the host writes it to `toolmark.json`.

    Attributes:
        dialects: In which the data was shown, where the host did not choose it.
        tokens: Read in training, padding apart.
        seconds: Of wall time, those before an interruption counted.
        losses: At the end, by name.
        curve: Points; each has a `step` and figures by name.
        chosen_step: The step whose weights were kept, where one was chosen.
        settings: What was measured or settled at the start, as threads and precision.
        tools_made_by: By what tools were made anew for each conversation, where they were.
    """

    tokens: int
    seconds: float
    losses: Mapping[str, float]
    curve: Sequence[Mapping[str, float]]
    chosen_step: int | None = None
    dialects: Sequence[str] = ()
    settings: Mapping[str, str | int | float] = field(default_factory=dict)
    tools_made_by: str | None = None


@runtime_checkable
class Trainer(Protocol[O_contra]):
    """Makes a candidate from traces. Group `toolmark.trainers`.

    One that starts from nothing has `from_scratch = True` and is given no base. One with a method `card(folder)` words
    the `README.md` beside its weights itself.
    """

    name: str
    Options: type[BaseModel]

    def train(self, base: Candidate | None, data: TraceDataset, out: Path, options: O_contra, ctx: Training) -> Trained:
        """Write an adapter or model directory to `out`; what a killed training left there is gone on with.

        The host has checked base and data before, and writes `toolmark.json` and `README.md` after.
        """
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
