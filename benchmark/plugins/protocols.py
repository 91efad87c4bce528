"""The protocols of all plug-ins, with every type that they name. A third party needs to import this module only.

A plug-in is an object, or a class that is called without arguments. It is registered as an entry point in the group
that its protocol names.
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
        seed: Seed of everything that the generator draws.
        execute: Runs a tool in the sandbox; the result is of the kind `no_implementation` if the tool may not run.
        note: Prints a line for the user.
        drop: Counts a conversation that the generator discarded: stage, reason, query, query type, tool.
        folder: Folder of paid replies, kept until the user removes it; None keeps nothing.
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
        """Yield traces that use the tools of `toolbox`; the same seed gives the same traces."""
        ...


@runtime_checkable
class Patterned(Protocol):
    """A generator that fills sentence templates and can list them: authored cases must not match any of them."""

    def patterns(self) -> Iterator[str]:
        """The templates of user messages, with slots in braces."""
        ...


@dataclass(frozen=True, slots=True)
class DevFigure:
    """A metric over the dev cases: its value for the model in training and for the base, and the verdict."""

    score: float | None
    base: float | None
    verdict: str | None


@dataclass(frozen=True, slots=True)
class Training:
    """What a trainer is given, besides its base, data and options.

    Attributes:
        seed: Seed of everything that the trainer draws.
        log: Reports a point of the training curve: `step`, and figures by name.
        say: Prints a line for the user.
        weights: Directory of the base's weights; None without a base.
        examples: The conversations of a split as token ids, with a checked mask of the tokens that the model must
            write. The split `validation` may be empty.
        kinds: The query type of each example of a split.
        decisions: For each example of a split the indices of the tokens with which a reply decides whether to call, and
            which tool.
        score_dev: Judges an adapter or model directory on the dev cases: figures by metric.
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
    """What a trainer reports about a training; the host writes it to `toolmark.json`.

    Attributes:
        tokens: Tokens read in training, without padding.
        seconds: Wall-clock time, including the time before an interruption.
        losses: Losses at the end, by name.
        curve: The training curve: points with a `step` and figures by name.
        chosen_step: The step whose weights were kept; None if no step was chosen.
        dialects: The dialects in which the data was shown, if the host did not choose one.
        settings: What the trainer measured or decided at the start, for example threads and precision.
        tools_made_by: What made new tools for each conversation; None if none were made.
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
        """Write an adapter or model directory to `out`; resume a training that was killed and left its state there.

        The host checks base and data before, and writes `toolmark.json` and `README.md` afterwards.
        """
        ...


@runtime_checkable
class Renderer(Protocol):
    """Writes a report of a comparison; computes no figure. Entry-point group `toolmark.renderers`.

    Attributes:
        name: The name of the entry point.
        suffixes: Endings of the paths that it writes; `/` stands for a folder. Of all renderers, the one with the
            longest matching suffix is used.
    """

    name: str
    suffixes: Sequence[str]

    def render(self, comparison: Comparison, out: Path | None) -> None:
        """Write to `out`, or to the terminal if `out` is None."""
        ...
