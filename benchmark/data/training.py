"""What a trainer recorded beside the weights (`toolmark.json`), as far as a report shows it.

The record is somebody else's file, perhaps a later version's: a field that is missing or of another shape is not known,
and never an error here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["RECORD", "Chosen", "Point", "Training", "read_record"]

RECORD = "toolmark.json"
_LONGEST_FILE = 4_000_000
_MOST_POINTS = 1_000
_MOST_NAMES = 40
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Point:
    """One place on a training curve.

    Attributes:
        step: Of the optimizer.
        tokens: Trained on so far.
        losses: By name: `loss` in training, `eval_loss` in validation, and others that a trainer has.
        scores: By metric, as shares: what the suites said of the checkpoint at this step.
    """

    step: float
    tokens: float | None = None
    losses: Mapping[str, float] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The checkpoint whose weights were kept, and by which metric and score, where the record says."""

    step: float
    metric: str = ""
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Training:
    """How weights were made.

    Attributes:
        trainer: Its name.
        command: That made them.
        seconds: It took.
        conversations: In the training data.
        tools: Schema hashes of the tools that training saw; None where that is not known.
        tools_made_by: By what tools were made anew for each conversation, where they were.
        curve: Points, in the order of the record.
        chosen: Which checkpoint was kept, where one was chosen.
        base_weights: Hash of the weights that an adapter was trained on; None where the record has none.
    """

    trainer: str = ""
    command: str = ""
    seconds: float | None = None
    conversations: int | None = None
    tools: frozenset[str] | None = None
    tools_made_by: str = ""
    curve: tuple[Point, ...] = ()
    chosen: Chosen | None = None
    base_weights: str | None = None

    @classmethod
    def of(cls, record: Mapping[str, Any] | None) -> Training | None:
        """From the content of a record; None where there is none."""
        if not isinstance(record, Mapping):
            return None
        data = record.get("data")
        data = data if isinstance(data, Mapping) else {}
        tools = data.get("tools")
        base = record.get("base")
        points = record.get("curve")
        curve = map(_point, points[:_MOST_POINTS]) if isinstance(points, list) else ()
        conversations = _number(data.get("conversations"))
        return cls(
            trainer=_text(record.get("trainer")),
            command=_text(record.get("command")),
            seconds=_number(record.get("seconds")),
            conversations=None if conversations is None else int(conversations),
            tools=frozenset(map(str, tools)) if isinstance(tools, list) else None,
            tools_made_by=_text(data.get("tools_made_by")),
            curve=tuple(point for point in curve if point is not None),
            chosen=_chosen(record),
            base_weights=_text(base.get("weights")) or None if isinstance(base, Mapping) else None,
        )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
    return float(value) if known and math.isfinite(value) else None


def _numbers(fields: Any) -> dict[str, float]:
    named = list(fields.items())[:_MOST_NAMES] if isinstance(fields, Mapping) else []
    return {str(name)[:_LONGEST_NAME]: number for name, value in named if (number := _number(value)) is not None}


def _point(point: Any) -> Point | None:
    """Scores stand under `scores`, or beside the losses under their metrics' ids, which have a dot in them."""
    found = _numbers(point)
    if "step" not in found:
        return None
    return Point(
        step=found["step"],
        tokens=found.get("tokens"),
        losses={name: value for name, value in found.items() if name == "loss" or name.endswith("_loss")},
        scores={**{name: v for name, v in found.items() if "." in name}, **_numbers(point.get("scores"))},
    )


def _chosen(record: Mapping[str, Any]) -> Chosen | None:
    """From `chosen`, or from `chosen_step` alone."""
    said = record.get("chosen")
    said = said if isinstance(said, Mapping) else {"step": record.get("chosen_step")}
    step = _number(said.get("step"))
    return None if step is None else Chosen(step, _text(said.get("metric")), _number(said.get("score")))


def read_record(folder: Path) -> Mapping[str, Any] | None:
    """The content of the record in `folder`, or None where there is none that can be read."""
    path = folder / RECORD
    try:
        if path.stat().st_size > _LONGEST_FILE:
            return None
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
