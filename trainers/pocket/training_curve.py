"""The curve of a training: one JSON object per step, appended to `curve.jsonl` during the training."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["TrainingCurve"]


class TrainingCurve:
    """The points of the curve so far, in memory and on disk.

    Args:
        path: The JSONL file. If the file does not exist, it is created.
        step: Number of existing points to keep, which is the step in the resume file. Later points are dropped, because
            a resumed training repeats the later steps.
    """

    def __init__(self, path: Path, step: int) -> None:
        lines = path.read_text(encoding="utf-8").splitlines()[:step] if path.exists() else []
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        self._path = path
        self.points: list[Mapping[str, float]] = [json.loads(line) for line in lines]

    def add(self, point: Mapping[str, float]) -> None:
        """Append one point, and write the point to disk at once."""
        self.points.append(point)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(point) + "\n")

    def final(self, *keys: str, steps: int = 50) -> dict[str, float]:
        """Return the mean of each key over the last `steps` steps, because the loss of a single batch varies much."""
        tail = self.points[-steps:]
        return {key: round(sum(point[key] for point in tail) / len(tail), 4) for key in keys}

    def sample(self, limit: int = 60) -> list[Mapping[str, float]]:
        """Return at most `limit` (two or more) evenly spaced points, with the first and the last point."""
        last = len(self.points) - 1
        if last < limit:
            return self.points
        return [self.points[round(index * last / (limit - 1))] for index in range(limit)]
