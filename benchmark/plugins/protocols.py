"""Defines the protocols of plug-ins, and contains every type that the protocols use.

A plug-in is an object, or a class that is called without arguments. It is registered in an entry-point group, for
example `toolmark.generators`. The docstring of each protocol names the group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel

from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.config.template_args import TemplateArgs
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
    """The values and functions that a generator can use.

    Attributes:
        seed: Seed of all random choices of the generator.
        execute: Function that runs a tool in the sandbox. If the tool is not allowed to run, the kind of the result is
            `no_implementation`.
        note: Function that prints a line for the user.
        drop: Function that counts a conversation that the generator discarded. The arguments are stage, reason, query,
            query type and tool.
        folder: Folder in which the generator can keep replies of a paid model for later runs. If None, no reply is
            kept.
    """

    seed: int
    execute: Callable[[Tool, Mapping[str, Any]], Result]
    note: Callable[[str], None] = lambda _: None
    drop: Callable[[str, str, str, str, str | None], None] = lambda *_: None
    folder: Path | None = None


@runtime_checkable
class Generator(Protocol[O_contra]):
    """A generator proposes traces. `toolmark generate` checks the traces and writes the dataset.

    To add a generator, derive a class from `BaseGenerator`, and register the class in the entry-point group
    `toolmark.generators`. `BaseGenerator` has defaults for `facts` and `lasting`.

    Attributes:
        name: Name of the generator, as in `toolmark generate NAME`.
        Options: Class of the options.
    """

    name: str
    Options: type[BaseModel]

    def propose(self, toolbox: Toolbox, options: O_contra, ctx: Generation) -> Iterator[Trace]:
        """Yield traces that use the tools of `toolbox`. Equal seeds must give equal traces."""
        ...

    def facts(self, options: O_contra) -> Mapping[str, Any]:
        """Return additional entries for the manifest of the dataset."""
        ...

    def lasting(self, options: O_contra) -> Mapping[str, Any]:
        """Return the options that change the content of the dataset, by name. The manifest records these options."""
        ...


class BaseGenerator:
    """Base class of generators, with defaults for the methods that a generator can leave out."""

    def facts(self, options: Any) -> Mapping[str, Any]:  # noqa: ARG002 - for subclasses
        """Return no entries."""
        return {}

    def lasting(self, options: Any) -> Mapping[str, Any]:
        """Return all options that are set."""
        found: Mapping[str, Any] = options.model_dump(mode="json", exclude_none=True)
        return found


@runtime_checkable
class Patterned(Protocol):
    """A generator that makes messages from templates and can list its templates.

    A test case must not match a template. Otherwise the training data could contain the test case.
    """

    def patterns(self) -> Iterator[str]:
        """Yield the templates of user messages, with slots in braces."""
        ...


@dataclass(frozen=True, slots=True)
class DevFigure:
    """A metric on the dev cases, during a training.

    Attributes:
        score: Value of the metric for the model in training. None if the metric has no case.
        base: Value of the metric for the base model. None if there is no base model.
        verdict: Verdict of the comparison of both values. None if they are not compared.
    """

    score: float | None
    base: float | None
    verdict: str | None


@dataclass(frozen=True, slots=True)
class Training:
    """The values and functions that a trainer can use, in addition to the base, the data and the options.

    Attributes:
        seed: Seed of all random choices.
        log: Function that reports a point of the training curve. A point has a `step` and figures by name.
        say: Function that prints a line for the user.
        weights: Directory of the weights of the base model. None if there is no base model.
        adapter: Directory of the adapter from which the training starts. None if there is no such adapter.
        dialect: The dialect in which tools are shown and calls are written. None if there is no base model.
        template_args: Arguments of the chat template.
        device: Name of the device of the training, one of `toolmark.benchmark.engine.devices.DEVICES`.
        examples: Function that returns the conversations of a split as token ids. A mask marks the tokens that the
            model learns to write. The split `validation` is empty for some datasets.
        query_types: Function that returns the query type of each example of a split.
        decisions: Function that returns the indices of the deciding tokens in each example of a split. The deciding
            tokens are the tokens that decide between a call and an answer, and the tokens of a called tool's name.
        score_dev: Function that evaluates an adapter or model directory on dev cases. It returns figures by metric.
        dev_metrics: Ids of the metrics that `score_dev` returns.
    """

    seed: int
    log: Callable[[Mapping[str, float]], None]
    say: Callable[[str], None] = lambda _: None
    weights: Path | None = None
    adapter: Path | None = None
    dialect: Dialect | None = None
    template_args: TemplateArgs = field(default_factory=dict)
    device: str = "cpu"
    examples: Callable[[str], Sequence[Encoded]] = lambda _: ()
    query_types: Callable[[str], Sequence[str]] = lambda _: ()
    decisions: Callable[[str], Sequence[frozenset[int]]] = lambda _: ()
    score_dev: Callable[[Path], Mapping[str, DevFigure]] = lambda _: {}
    dev_metrics: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Trained:
    """The facts about a training that a trainer returns. `toolmark train` writes these facts to `toolmark.json`.

    Attributes:
        tokens: Number of tokens that were read in training. The trainer `pocket` also counts padding.
        seconds: Wall-clock time of the training in seconds. If the training was interrupted and resumed, this is the
            sum over all parts.
        losses: Losses at the end of the training, by name.
        curve: Points of the training curve. Each point has a `step` and figures by name.
        chosen_step: Step of the checkpoint that was kept. None if no checkpoint was chosen.
        dialects: Dialects of the training data. Empty if the trainer did not choose the dialects.
        measured: Values that the trainer measured, for example threads and precision.
        tools_made_by: The generator that made new tools for each conversation. None if the tools come from the dataset.
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
    """A trainer makes a candidate from traces.

    To add a trainer, derive a class from `BaseTrainer`, and register the class in the entry-point group
    `toolmark.trainers`. `BaseTrainer` has defaults for `from_scratch`, `needs_adapter`, `several_processes`,
    `changeable` and `card`.

    Attributes:
        name: Name of the trainer, as in `toolmark train NAME`.
        Options: Class of the options.
        from_scratch: Whether the trainer starts without a base model.
        needs_adapter: Whether the trainer starts from an adapter, which the user gives with `--adapter`.
        several_processes: Whether a launcher can start the training in several processes.
        changeable: Names of options that can have other values when a training resumes, because they do not influence
            the weights.
    """

    name: str
    Options: type[BaseModel]
    from_scratch: bool
    needs_adapter: bool
    several_processes: bool
    changeable: Sequence[str]

    def train(self, base: Candidate | None, data: TraceDataset, out: Path, options: O_contra, ctx: Training) -> Trained:
        """Train, and write an adapter or a model directory to `out`.

        If `out` contains an interrupted training, resume this training. `toolmark train` checks the base and the data
        before the training, and that the interrupted training had the same options. It writes `toolmark.json` and
        `README.md` after the training.
        """
        ...

    def card(self, record: WrittenRecord) -> str | None:
        """Return the text of the `README.md` in the folder of the weights. None means the usual card."""
        ...


class BaseTrainer:
    """Base class of trainers, with defaults for the members that a trainer can leave out.

    Attributes:
        from_scratch: Whether the trainer starts without a base model.
        needs_adapter: Whether the trainer starts from an adapter.
        several_processes: Whether a launcher can start the training in several processes. `train` then returns in every
            process, and only the first process writes files.
        changeable: Names of options that can have other values when a training resumes.
    """

    from_scratch: bool = False
    needs_adapter: bool = False
    several_processes: bool = False
    changeable: Sequence[str] = ()

    def card(self, record: WrittenRecord) -> str | None:  # noqa: ARG002 - for subclasses
        """Return None, which means the usual card."""
        return None


@runtime_checkable
class Renderer(Protocol):
    """A renderer writes a report of a comparison. It does not compute figures.

    To add a renderer, register an object or a class in the entry-point group `toolmark.renderers`.

    Attributes:
        name: The name of the entry point.
        suffixes: Endings of the paths that the renderer can write. `/` stands for a folder. If several renderers match
            a path, the renderer with the longest suffix is used.
    """

    name: str
    suffixes: Sequence[str]

    def render(self, comparison: Comparison, out: Path | None) -> None:
        """Write a report of `comparison` to `out`. If `out` is None, write to the terminal."""
        ...
