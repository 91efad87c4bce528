"""The messages between the calling process and its workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.data.completions import Completion, Prompt

__all__ = ["Model", "Report", "Shard", "WorkerFacts"]


@dataclass(frozen=True, slots=True)
class Model:
    """What a worker needs to know about a candidate.

    Attributes:
        candidate: The candidate, with portable paths.
        device: The device on which the candidate is computed.
        dtype: The data type of the weights.
        dialect: Name of the dialect.
    """

    candidate: Candidate
    device: str
    dtype: str
    dialect: str

    @property
    def base(self) -> tuple[str | None, ...]:
        """Return what two models have in common if they use the same base in memory."""
        one = self.candidate
        return (one.base, one.revision, one.file, self.device, self.dtype)


@dataclass(frozen=True, slots=True)
class Shard:
    """Prompts that a worker answers in one piece.

    Attributes:
        model: The model that answers.
        epoch: Number of the epoch, from 1.
        indices: The index of each prompt in the run.
        prompts: The prompts.
        one_call: Indices in `prompts`. These completions end after their first call.
    """

    model: Model
    epoch: int
    indices: tuple[int, ...]
    prompts: tuple[Prompt, ...]
    one_call: frozenset[int]

    def without(self, answered: set[int]) -> Shard:
        """Return the shard without the prompts of these indices in the run."""
        left = [at for at, index in enumerate(self.indices) if index not in answered]
        return Shard(
            self.model,
            self.epoch,
            tuple(self.indices[at] for at in left),
            tuple(self.prompts[at] for at in left),
            frozenset(new for new, at in enumerate(left) if at in self.one_call),
        )


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """A worker that is ready.

    Attributes:
        version: The version of Toolmark on the machine of the worker.
        node: The kind of the machine, for example `16 processors`.
    """

    version: str
    node: str


@dataclass(frozen=True, slots=True)
class Report:
    """The answers of a worker since its last report.

    Attributes:
        answers: The completions, each with the index of its prompt in the run.
        ended: Whether the shard has no more answers.
        environment: The environment of the worker and of its engine.
        notes: Lines for the user about the generation.
        bases: How many bases the worker has loaded since its last report.
    """

    answers: Sequence[tuple[int, Completion]]
    ended: bool
    environment: Mapping[str, Any]
    notes: tuple[str, ...]
    bases: int
