"""What a trainer recorded beside the weights (`toolmark.json`), as far as a report shows it.

The record is somebody else's file, perhaps a later version's: a field that is missing or of another shape is not known,
and never an error here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["RECORD", "Training", "read_record"]

RECORD = "toolmark.json"
_LONGEST_FILE = 4_000_000
_MOST_POINTS = 1_000


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
        curve: Points; each has a `step` and figures by name.
        chosen: The step whose weights were kept, where one was chosen.
    """

    trainer: str = ""
    command: str = ""
    seconds: float | None = None
    conversations: int | None = None
    tools: frozenset[str] | None = None
    tools_made_by: str = ""
    curve: tuple[Mapping[str, float], ...] = ()
    chosen: float | None = None

    @classmethod
    def of(cls, record: Mapping[str, Any] | None) -> Training | None:
        """From the content of a record; None where there is none."""
        if not isinstance(record, Mapping):
            return None
        data = record.get("data")
        data = data if isinstance(data, Mapping) else {}
        tools = data.get("tools")
        points = record.get("curve")
        curve = [_point(point) for point in points[:_MOST_POINTS]] if isinstance(points, list) else []
        conversations = _number(data.get("conversations"))
        return cls(
            trainer=_text(record.get("trainer")),
            command=_text(record.get("command")),
            seconds=_number(record.get("seconds")),
            conversations=None if conversations is None else int(conversations),
            tools=frozenset(map(str, tools)) if isinstance(tools, list) else None,
            tools_made_by=_text(data.get("tools_made_by")),
            curve=tuple(point for point in curve if "step" in point),
            chosen=_number(record.get("chosen_step")),
        )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
    return float(value) if known and math.isfinite(value) else None


def _point(point: Any) -> dict[str, float]:
    fields = point.items() if isinstance(point, Mapping) else ()
    return {str(name): number for name, value in fields if (number := _number(value)) is not None}


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
