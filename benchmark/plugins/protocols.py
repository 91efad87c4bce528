"""The protocols of all plug-ins, with every type that the protocols use. A third party imports only this module.

A plug-in is an object, or a class that is called without arguments. A plug-in is registered as an entry point. The
docstring of its protocol names the entry-point group.
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
    """The values and functions that a generator gets.

    Attributes:
        seed: Seed of all random choices of the generator.
        execute: Runs a tool in the sandbox. The result has the kind `no_implementation` if the tool may not run.
        note: Prints a line for the user.
        drop: Counts a conversation that the generator discarded. Its arguments are stage, reason, query, query type and
            tool.
        folder: Folder for paid replies. The folder is kept until the user removes it. If None, no reply is kept.
    """

    seed: int
    execute: Callable[[Tool, Mapping[str, Any]], Result]
    note: Callable[[str], None] = lambda _: None
    drop: Callable[[str, str, str, str, str | None], None] = lambda *_: None
    folder: Path | None = None


@runtime_checkable
class Generator(Protocol[O_contra]):
    """Proposes traces. The pipeline judges and writes the traces. The entry-point group is `toolmark.generators`.

    Derive a generator from `BaseGenerator`, which has defaults for `facts` and `lasting`.
    """

    name: str
    Options: type[BaseModel]

    def propose(self, toolbox: Toolbox, options: O_contra, ctx: Generation) -> Iterator[Trace]:
        """Yield traces that use the tools of `toolbox`. The same seed gives the same traces."""
        ...

    def facts(self, options: O_contra) -> Mapping[str, Any]:
        """Entries for the manifest of the dataset, in addition to the entries that the pipeline writes."""
        ...

    def lasting(self, options: O_contra) -> Mapping[str, Any]:
        """The options that change the content of the dataset, by name. The manifest records these options."""
        ...


class BaseGenerator:
    """Base class of generators. It has defaults for the methods that a generator may leave out."""

    def facts(self, options: Any) -> Mapping[str, Any]:  # noqa: ARG002 - for subclasses
        """No entries."""
        return {}

    def lasting(self, options: Any) -> Mapping[str, Any]:
        """All options that are set."""
        found: Mapping[str, Any] = options.model_dump(mode="json", exclude_none=True)
        return found


@runtime_checkable
class Patterned(Protocol):
    """A generator that fills sentence templates and can list them.

    Authored cases must not match any of these templates.
    """

    def patterns(self) -> Iterator[str]:
        """The templates of user messages, with slots in braces."""
        ...


@dataclass(frozen=True, slots=True)
class DevFigure:
    """The value of a metric on the dev cases, for the model in training and for the base, and the verdict."""

    score: float | None
    base: float | None
    verdict: str | None


@dataclass(frozen=True, slots=True)
class Training:
    """The values and functions that a trainer gets in addition to its base, data and options.

    Attributes:
        seed: Seed of all random choices.
        log: Reports a point of the curve, which has a `step` and figures by name.
        say: Shows the user a line.
        weights: Directory of the base's weights. None if there is no base.
        device: The device of the training, a name in `toolmark.benchmark.engine.devices.DEVICES`.
        examples: Returns the token ids of the conversations of a split. A mask marks the tokens that the model must
            write. Every mask is checked. The split `validation` may have no examples.
        query_types: Returns the query type of each example of a split.
        decisions: Returns the indices of two kinds of tokens for each example of a split. The first kind decides
            between a call and an answer. The second kind is the tokens of a called tool's name.
        score_dev: Evaluates an adapter or model directory on dev cases, and returns figures by metric.
    """

    seed: int
    log: Callable[[Mapping[str, float]], None]
    say: Callable[[str], None] = lambda _: None
    weights: Path | None = None
    device: str = "cpu"
    examples: Callable[[str], Sequence[Encoded]] = lambda _: ()
    query_types: Callable[[str], Sequence[str]] = lambda _: ()
    decisions: Callable[[str], Sequence[frozenset[int]]] = lambda _: ()
    score_dev: Callable[[Path], Mapping[str, DevFigure]] = lambda _: {}


@dataclass(frozen=True, slots=True)
class Trained:
    """The facts about a training that a trainer returns. The host writes them to `toolmark.json`.

    Attributes:
        tokens: Number of tokens that were read in training, without padding.
        seconds: Wall time, including the sessions before an interruption.
        losses: Losses at the end, by name.
        curve: Points of the curve. Each point has a `step` and figures by name.
        chosen_step: Step of the checkpoint that was kept. None if no checkpoint was chosen.
        dialects: Dialects of the training data, if the trainer and not the host chose the dialects.
        measured: Values that the trainer measured at the start, for example threads and precision.
        tools_made_by: The generator of new tools for each conversation. None if the tools come from the dataset.
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
    """Makes a candidate from traces. The entry-point group is `toolmark.trainers`.

    Derive a trainer from `BaseTrainer`, which has defaults for `from_scratch` and `card`.

    Attributes:
        from_scratch: Whether the trainer starts without a base model.
    """

    name: str
    Options: type[BaseModel]
    from_scratch: bool

    def train(self, base: Candidate | None, data: TraceDataset, out: Path, options: O_contra, ctx: Training) -> Trained:
        """Write an adapter or model directory to `out`. If `out` contains an interrupted training, resume it.

        The host checks base and data before the training. After the training, the host writes `toolmark.json` and
        `README.md`.
        """
        ...

    def card(self, record: WrittenRecord) -> str | None:
        """The text of the `README.md` in the folder of the weights. None means the usual card of an adapter."""
        ...


class BaseTrainer:
    """Base class of trainers. It has defaults for the members that a trainer may leave out.

    Attributes:
        from_scratch: Whether the trainer starts without a base model.
    """

    from_scratch: bool = False

    def card(self, record: WrittenRecord) -> str | None:  # noqa: ARG002 - for subclasses
        """The usual card of an adapter."""
        return None


@runtime_checkable
class Renderer(Protocol):
    """Writes a report of a comparison, and computes no figure. The entry-point group is `toolmark.renderers`.

    Attributes:
        name: The name of the entry point.
        suffixes: Endings of the paths that the renderer can write. `/` stands for a folder. If several renderers match
            a path, the renderer with the longest suffix is used.
    """

    name: str
    suffixes: Sequence[str]

    def render(self, comparison: Comparison, out: Path | None) -> None:
        """Write to `out`, or to the terminal if `out` is None."""
        ...
