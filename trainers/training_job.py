"""The options of one training that all trainers share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolmark.benchmark.engine.devices import DeviceChoice

__all__ = ["DEV_LIMIT", "TrainingJob"]

DEV_LIMIT = 60
"""Default number of dev cases that judge a checkpoint."""


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """The base, the data, the output folder and the other shared options of a training.

    Attributes:
        data: Folder that `toolmark generate` wrote.
        out: Folder to write to.
        seed: Seed of all random choices.
        base: Spec of the base model. Empty for a trainer that starts from scratch.
        dialect: Dialect in which tools are shown and calls are written. Empty means the dialect of the base's family,
            or `tagged` if the family is unknown.
        dev: Cases with a dev split, which judges the checkpoints. Empty means the authored cases.
        dev_limit: Largest number of dev cases that are used.
        manifest: File that names held-out tools and test queries. None means the manifest of the shipped cases.
        skip_too_long: Leave out conversations that do not fit the base's context.
        device: The device of the training and of judging the checkpoints, or `auto`.
    """

    data: Path
    out: Path
    seed: int = 1
    base: str = ""
    dialect: str = ""
    dev: str = ""
    dev_limit: int = DEV_LIMIT
    manifest: Path | None = None
    skip_too_long: bool = False
    device: DeviceChoice = "auto"

    def flags(self) -> dict[str, Any]:
        """Return the options that repeat this training. Folders are given by name, because paths differ by machine."""
        given = {"base": self.base, "dialect": self.dialect, "dev": Path(self.dev).name if self.dev else ""}
        kept: dict[str, Any] = {key: value for key, value in given.items() if value}
        if self.dev_limit != DEV_LIMIT:
            kept["dev-limit"] = self.dev_limit
        return {"data": self.data.name, "out": self.out.name, "seed": self.seed, **kept}
