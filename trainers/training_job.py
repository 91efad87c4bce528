"""The options of one training that all trainers share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolmark.benchmark.candidates.recipes import split_class
from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.config.template_args import TemplateArgs, written
from toolmark.benchmark.engine.devices import DeviceChoice

__all__ = ["DEV_LIMIT", "TrainingJob"]

_DECODING = Decoding()

DEV_LIMIT = 60
"""Default number of dev cases on which a checkpoint is judged."""


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """The base, the data, the output folder and the other shared options of a training.

    Attributes:
        data: Folder that `toolmark generate` wrote.
        out: Folder to write to.
        seed: Seed of all random choices.
        base: Spec of the base model. Empty for a trainer that starts from scratch.
        adapter: Adapter from which the training starts: a folder, an alias or a hub id. Empty for a trainer that starts
            from the base alone.
        dialect: Dialect in which tools are shown and calls are written. Empty means the dialect of the adapter's
            training, or of the base's family, or `tagged` if neither is known.
        dev: Cases on which the checkpoints are judged. Only the dev split is used. Empty means the authored cases.
        tools: File or module with the toolboxes of the dev cases, or the world of dev scenarios. Empty for none.
        dev_limit: Highest number of dev cases that are used.
        manifest: File with held-out tools and test queries. None means the manifest of the shipped cases.
        skip_bad: Whether rows of the dev cases that cannot be read are left out.
        skip_too_long: Whether conversations and dev cases that do not fit the base's context are left out.
        template_args: Arguments of the chat template. None means the arguments of the training of the adapter or of the
            base, or no arguments.
        max_tokens: Largest number of tokens of an answer to a dev case.
        thinking_tokens: Largest number of tokens of a thought before an answer to a dev case. With 0, thoughts count
            against `max_tokens`.
        device: The device on which the training runs and checkpoints are judged, or `auto`.
    """

    data: Path
    out: Path
    seed: int = 1
    base: str = ""
    adapter: str = ""
    dialect: str = ""
    dev: str = ""
    tools: str = ""
    dev_limit: int = DEV_LIMIT
    manifest: Path | None = None
    skip_bad: bool = False
    skip_too_long: bool = False
    template_args: TemplateArgs | None = None
    max_tokens: int = _DECODING.max_tokens
    thinking_tokens: int = _DECODING.thinking_tokens
    device: DeviceChoice = "auto"

    @property
    def start(self) -> str:
        """Return the spec of the weights from which the training starts: the base, or the base with an adapter."""
        return f"{self.base}:{self.adapter}" if self.adapter else self.base

    def flags(self) -> dict[str, Any]:
        """Return the options of the command that repeats this training.

        Folders are given by name without their paths, because the paths are different on another machine.
        """
        given = {
            "base": self.base,
            "adapter": _name(self.adapter),
            "dialect": self.dialect,
            "dev": _name(self.dev),
            "tools": _name_of_tools(self.tools),
        }
        kept: dict[str, Any] = {key: value for key, value in given.items() if value}
        if self.manifest is not None:
            kept["manifest"] = self.manifest.name
        default = TrainingJob(self.data, self.out)
        for name in ("dev_limit", "skip_bad", "skip_too_long", "max_tokens", "thinking_tokens"):
            if getattr(self, name) != getattr(default, name):
                kept[name] = getattr(self, name)
        if self.template_args is not None:
            kept["template-args"] = written(self.template_args)
        return {"data": self.data.name, "out": self.out.name, "seed": self.seed, **kept}


def _name(given: str) -> str:
    """Return the name of a file or folder without its path. Return other values unchanged."""
    return Path(given).name if given and Path(given).exists() else given


def _name_of_tools(given: str) -> str:
    """Do the same as `_name` for the value of `--tools`. After the file of a world stands the name of its class."""
    file, end = split_class(given)
    return f"{_name(file)}{end}"
