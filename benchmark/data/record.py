"""Reads and writes the training record: the file `toolmark.json` in a folder of weights, which says how the weights
were made.

- `WrittenRecord` checks all fields. The code that runs trainers writes this record.
- `TrainingRecord` accepts any file, because the file perhaps comes from another person or from a later version of
  Toolmark. If a field is missing or has another type, its value counts as unknown. All other code reads this record.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from toolmark.benchmark.config.template_args import TemplateArgs, known_template_args
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.regular_files import regular

__all__ = [
    "RECORD_FILE",
    "ChosenCheckpoint",
    "CurvePoint",
    "RecordedBase",
    "RecordedData",
    "TrainingRecord",
    "WrittenRecord",
    "read_record",
]

RECORD_FILE = "toolmark.json"

_LONGEST_FILE = 4_000_000
_MOST_POINTS = 1_000
_MOST_NAMES = 40
_LONGEST_NAME = 200


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RecordedBase(_Part):
    """The model that an adapter was trained on.

    Attributes:
        id: The name that the user gave for the base model.
        weights: Hash of the weights of the base model, from `weights_hash`.
        adapter: Hash of the adapter from which the training started, from `adapter_hash`. None if there was no adapter.
    """

    id: str
    weights: str
    adapter: str | None = None


class RecordedData(_Part):
    """The trace dataset of a training.

    Attributes:
        made_by: The command that wrote the dataset.
        manifest_sha256: Hash of the manifest of the dataset.
        conversations: Number of conversations that were read.
        tools: Schema hash of every tool in the training data. If the training started from an adapter, the tools of
            this adapter's training are included. None if new tools were made for each conversation, or if the tools of
            the adapter's training are not known.
        tools_made_by: The generator that made new tools for each conversation. None if no new tools were made.
    """

    made_by: str | None = None
    manifest_sha256: str | None = None
    conversations: int
    tools: tuple[str, ...] | None = None
    tools_made_by: str | None = None


class WrittenRecord(_Part):
    """The content of `toolmark.json` as it is written after a training.

    Attributes:
        name: Name of the folder that contains the record.
        trainer: Name of the trainer.
        command: Command that repeats the training.
        seed: Seed of the training.
        options: Options of the trainer by name, and values that the trainer measured.
        base: The base model of the training. None if the training started from scratch.
        dialects: Dialects in which the data was shown.
        template_sha256: Hash of the chat template.
        template_args: Arguments of the chat template.
        data: The trace dataset.
        weights_sha256: SHA-256 of the file of weights in the folder of the record. Of several files, `hash_files`.
        tokens: Number of tokens that were read in training. The trainer `pocket` also counts padding.
        seconds: Wall-clock time of the training in seconds.
        losses: Losses at the end of the training, by name.
        versions: Versions of Python and of the packages that were used, by name.
        curve: Points of the training curve. Each point has a `step` and figures by name.
        chosen_step: Step of the checkpoint that was kept. None if no checkpoint was chosen.
    """

    name: str = ""
    trainer: str
    command: str
    seed: int
    options: dict[str, JsonValue]
    base: RecordedBase | None = None
    dialects: tuple[str, ...]
    template_sha256: str
    template_args: dict[str, JsonValue] = Field(default_factory=dict)
    data: RecordedData
    weights_sha256: str
    tokens: int
    seconds: float
    losses: dict[str, float]
    versions: dict[str, str]
    curve: list[Mapping[str, float]] = Field(max_length=_MOST_POINTS)
    chosen_step: int | None = None

    def write(self, folder: Path) -> None:
        """Write `toolmark.json` into `folder`."""
        (folder / RECORD_FILE).write_text(self.model_dump_json(indent=2, exclude_none=True) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> WrittenRecord:
        """Return the record in `folder`.

        Raises:
            InputError: The file is missing, or a field is missing or wrong.
        """
        path = folder / RECORD_FILE
        try:
            return cls.model_validate_json(regular(path).read_bytes())
        except FileNotFoundError:
            raise InputError(
                f"{str(folder)!r} has no {RECORD_FILE}", "Give the path of a folder that `toolmark train` wrote."
            ) from None
        except ValidationError as error:
            raise InputError(
                f"{str(path)!r} is not a valid training record: {error.errors()[0]['msg']}",
                "Train again, or copy the file again from the source of the weights.",
            ) from error


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One point of a training curve.

    Attributes:
        step: Number of the optimizer step.
        tokens: Number of tokens that were read in training up to this step. None if not recorded.
        losses: Losses by name. `loss` is the training loss, and `eval_loss` is the validation loss. A trainer can add
            other losses.
        scores: Scores of the checkpoint at this step, by metric.
    """

    step: float
    tokens: float | None = None
    losses: Mapping[str, float] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChosenCheckpoint:
    """The checkpoint whose weights were kept.

    Attributes:
        step: Number of the optimizer step.
        metric: Id of the metric that decided which checkpoint was kept. Empty if not recorded.
        score: Score of the checkpoint on the metric. None if not recorded.
    """

    step: float
    metric: str = ""
    score: float | None = None


@dataclass(frozen=True, slots=True)
class TrainingRecord:
    """What the record in a folder of weights says about the training.

    Attributes:
        trainer: Name of the trainer.
        command: Command that made the weights.
        seconds: Wall-clock time of the training in seconds.
        conversations: Number of conversations in the training data.
        tools: Schema hashes of the tools in the training data. None if the tools are not known.
        tools_made_by: The generator that made new tools for each conversation. Empty if no new tools were made.
        curve: Points of the training curve, in the order of the record.
        chosen: The checkpoint that was kept. None if no checkpoint was chosen.
        base_weights: Hash of the weights of the base model. None if not recorded.
        base_id: The name that the user gave for the base model. Empty if there was no base model.
        dialects: Dialects in which the data was shown. Empty if not recorded.
    """

    trainer: str = ""
    command: str = ""
    seconds: float | None = None
    conversations: int | None = None
    tools: frozenset[str] | None = None
    tools_made_by: str = ""
    curve: tuple[CurvePoint, ...] = ()
    chosen: ChosenCheckpoint | None = None
    base_weights: str | None = None
    base_id: str = ""
    dialects: tuple[str, ...] = ()
    template_args: TemplateArgs | None = field(default=None, hash=False)

    @classmethod
    def of(cls, record: Mapping[str, Any] | None) -> TrainingRecord | None:
        """Return the record that has the content `record`. Return None if `record` is not a mapping."""
        if not isinstance(record, Mapping):
            return None
        data, base = _mapping(record.get("data")), _mapping(record.get("base"))
        tools, dialects, points = data.get("tools"), record.get("dialects"), record.get("curve")
        curve = map(_point, points[:_MOST_POINTS]) if isinstance(points, list) else ()
        conversations = _number(data.get("conversations"))
        return cls(
            trainer=_string(record.get("trainer")),
            command=_string(record.get("command")),
            seconds=_number(record.get("seconds")),
            conversations=None if conversations is None else int(conversations),
            tools=frozenset(map(str, tools)) if isinstance(tools, list) else None,
            tools_made_by=_string(data.get("tools_made_by")),
            curve=tuple(point for point in curve if point is not None),
            chosen=_chosen(record),
            base_weights=_string(base.get("weights")) or None,
            base_id=_string(base.get("id")),
            dialects=tuple(map(str, dialects)) if isinstance(dialects, list) else (),
            template_args=known_template_args(record.get("template_args")),
        )

    @classmethod
    def read(cls, folder: Path) -> TrainingRecord | None:
        """Return the record in `folder`. Return None if the file is missing or cannot be read."""
        return cls.of(read_record(folder))


def read_record(folder: Path) -> Mapping[str, Any] | None:
    """Return the content of the record in `folder` unchanged, as a ledger stores it.

    Return None if the file is missing or cannot be read.
    """
    path = folder / RECORD_FILE
    try:
        if path.stat().st_size > _LONGEST_FILE:
            return None
        found = json.loads(regular(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
    return float(value) if known and math.isfinite(value) else None


def _numbers(fields: Any) -> dict[str, float]:
    named = list(_mapping(fields).items())[:_MOST_NAMES]
    return {str(name)[:_LONGEST_NAME]: number for name, value in named if (number := _number(value)) is not None}


def _point(point: Any) -> CurvePoint | None:
    """Return the point of the curve that a record contains, or None if the point has no step.

    Some records have scores in the field `scores`. Others have scores beside the losses: the name of such a score is
    the id of a metric, so the name contains a dot.
    """
    found = _numbers(point)
    if "step" not in found:
        return None
    return CurvePoint(
        step=found["step"],
        tokens=found.get("tokens"),
        losses={name: value for name, value in found.items() if name == "loss" or name.endswith("_loss")},
        scores={**{name: v for name, v in found.items() if "." in name}, **_numbers(point.get("scores"))},
    )


def _chosen(record: Mapping[str, Any]) -> ChosenCheckpoint | None:
    """Return the chosen checkpoint from the field `chosen`, or otherwise from the field `chosen_step`."""
    said = record.get("chosen")
    said = said if isinstance(said, Mapping) else {"step": record.get("chosen_step")}
    step = _number(said.get("step"))
    return None if step is None else ChosenCheckpoint(step, _string(said.get("metric")), _number(said.get("score")))
