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
from toolmark.benchmark.data.record import WrittenRecord
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.dialects import BaseDialect, Dialect
from toolmark.benchmark.engine.encoding import Encoded
from toolmark.benchmark.readers import BadRow, BaseReader, Reader
from toolmark.benchmark.tools.sandbox import Result
from toolmark.benchmark.verdicts.comparison import Comparison

__all__ = [
    "BadRow",
    "BaseDialect",
    "BaseGenerator",
    "BaseReader",
    "BaseTrainer",
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
    "WrittenRecord",
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

    Derive from `BaseGenerator`: it has defaults for `facts` and `lasting`.
    """

    name: str
    Options: type[BaseModel]

    def propose(self, toolbox: Toolbox, options: O_contra, ctx: Generation) -> Iterator[Trace]:
        """Yield traces that use the tools of `toolbox`; the same seed gives the same traces."""
        ...

    def facts(self, options: O_contra) -> Mapping[str, Any]:
        """Entries that the manifest of the dataset gets beside those that the pipeline writes."""
        ...

    def lasting(self, options: O_contra) -> Mapping[str, Any]:
        """The options that shape the dataset, by name: the manifest records them."""
        ...


class BaseGenerator:
    """Base class of generators, with the defaults of what a generator may leave out."""

    def facts(self, options: Any) -> Mapping[str, Any]:  # noqa: ARG002 - for subclasses
        """No entries."""
        return {}

    def lasting(self, options: Any) -> Mapping[str, Any]:
        """All options that are set."""
        found: Mapping[str, Any] = options.model_dump(mode="json", exclude_none=True)
        return found


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
        seed: Seed of all random choices.
        log: Reports a point of the curve: `step`, and figures by name.
        say: Shows the user a line.
        weights: Directory of the base's weights; None if there is no base.
        examples: Token ids of the conversations of a split, with a mask of the tokens that the model must write. Every
            mask is checked. The split `validation` may have no examples.
        query_types: The query type of each example of a split.
        decisions: For each example of a split, the indices of the tokens that decide between a call and an answer, and
            of a called tool's name.
        score_dev: Judges an adapter or model directory on dev cases; returns figures by metric.
    """

    seed: int
    log: Callable[[Mapping[str, float]], None]
    say: Callable[[str], None] = lambda _: None
    weights: Path | None = None
    examples: Callable[[str], Sequence[Encoded]] = lambda _: ()
    query_types: Callable[[str], Sequence[str]] = lambda _: ()
    decisions: Callable[[str], Sequence[frozenset[int]]] = lambda _: ()
    score_dev: Callable[[Path], Mapping[str, DevFigure]] = lambda _: {}


@dataclass(frozen=True, slots=True)
class Trained:
    """What a trainer returns: facts about the training, which the host writes to `toolmark.json`.

    Attributes:
        tokens: Tokens that were read in training, without padding.
        seconds: Wall time, sessions before an interruption included.
        losses: Losses at the end, by name.
        curve: Points of the curve: each has a `step` and figures by name.
        chosen_step: Step of the checkpoint that was kept; None if none was chosen.
        dialects: Dialects in which the data was shown, if the host did not choose the dialect.
        measured: What the trainer measured at the start, for example threads and precision.
        tools_made_by: What made new tools for each conversation; None if the tools come from the dataset.
    """

    tokens: int
    seconds: float
    losses: Mapping[str, float]
    curve: Sequence[Mapping[str, float]]
    chosen_step: int | None = None
    dialects: Sequence[str] = ()
    measured: Mapping[str, str | int | float] = field(default_factory=dict)
    tools_made_by: str | None = None


@runtime_checkable
class Trainer(Protocol[O_contra]):
    """Makes a candidate from traces. Group `toolmark.trainers`.

    Derive from `BaseTrainer`: it has defaults for `from_scratch` and `card`.

    Attributes:
        from_scratch: Whether the trainer starts without a base model.
    """

    name: str
    Options: type[BaseModel]
    from_scratch: bool

    def train(self, base: Candidate | None, data: TraceDataset, out: Path, options: O_contra, ctx: Training) -> Trained:
        """Write an adapter or model directory to `out`; resume a training that was interrupted there.

        The host checks base and data before, and writes `toolmark.json` and `README.md` afterwards.
        """
        ...

    def card(self, record: WrittenRecord) -> str | None:
        """The text of the `README.md` beside the weights; None for the usual card of an adapter."""
        ...


class BaseTrainer:
    """Base class of trainers, with the defaults of what a trainer may leave out.

    Attributes:
        from_scratch: Whether the trainer starts without a base model.
    """

    from_scratch: bool = False

    def card(self, record: WrittenRecord) -> str | None:  # noqa: ARG002 - for subclasses
        """The usual card of an adapter."""
        return None


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
