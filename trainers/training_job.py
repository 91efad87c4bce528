"""One training, as the user asked for it: the options that every trainer shares."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["DEV_LIMIT", "TrainingJob"]

DEV_LIMIT = 60
"""How many dev cases judge a checkpoint, if the user does not say."""


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """What to train on, and where to write.

    Attributes:
        data: Folder that `toolmark generate` wrote.
        out: Folder to write to.
        seed: Seed of all random choices.
        base: Spec of the model to train on; empty for a trainer that starts from scratch.
        dialect: Dialect in which tools are shown and calls are written. Empty means the dialect of the base's family,
            or `tagged` if its family is not known.
        dev: Cases whose dev split judges the checkpoints; empty means the shipped cases.
        dev_limit: How many of the dev cases are used.
        manifest: File that names held-out tools and test queries; None means that of the shipped cases.
        skip_too_long: Leave out conversations that do not fit the base's context.
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

    def flags(self) -> dict[str, Any]:
        """The options that repeat this training. Folders are given by their names, because paths differ by machine."""
        given = {"base": self.base, "dialect": self.dialect, "dev": Path(self.dev).name if self.dev else ""}
        kept: dict[str, Any] = {key: value for key, value in given.items() if value}
        if self.dev_limit != DEV_LIMIT:
            kept["dev-limit"] = self.dev_limit
        return {"data": self.data.name, "out": self.out.name, "seed": self.seed, **kept}
