"""`toolmark train TRAINER --data DIR --out DIR [options]`: one command per registered trainer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cyclopts import App
from rich.console import Console

from toolmark.benchmark.engine.devices import DeviceChoice
from toolmark.benchmark.plugins.commands import checked, plugin_command, plugin_commands
from toolmark.trainers.training_job import DEV_LIMIT, TrainingJob

__all__ = ["app", "train_command"]

_SECONDS_BETWEEN_LINES = 15.0

_SHARED_OPTIONS = {
    "data": (Path, "Folder that `toolmark generate` wrote."),
    "out": (Path, "Folder to write to. If a training was interrupted there, it resumes."),
    "seed": (int, "Seed of all random choices."),
    "manifest": (Path | None, "MANIFEST.toml with held-out tools and test queries; the shipped one if not given."),
}

_BASE_OPTIONS = {
    "base": (str, "Model to train on: an alias, a path or a hub id."),
    "dialect": (str, "Dialect of tools and calls. If not given: the dialect of the base's family, else tagged."),
    "dev": (str, "Cases whose dev split judges the checkpoints; the authored cases if not given."),
    "dev_limit": (int, "How many of the dev cases judge a checkpoint."),
    "skip_too_long": (bool, "Leave out conversations that do not fit the context, and say how many."),
    "device": (DeviceChoice, "Device of the training. auto takes CUDA if there is a CUDA device, else the processor."),
}


def train_command(trainer: Any) -> Callable[..., None]:
    """Make the command of `trainer`: a function that takes the shared options and the trainer's own options."""

    def train(
        *,
        base: str,
        data: Path,
        out: Path,
        seed: int = 1,
        dialect: str = "",
        dev: str = "",
        dev_limit: int = DEV_LIMIT,
        manifest: Path | None = None,
        skip_too_long: bool = False,
        device: DeviceChoice = "auto",
        options: Any = None,
    ) -> None:
        _train(
            trainer,
            options,
            data=data,
            out=out,
            seed=seed,
            manifest=manifest,
            base=base,
            dialect=dialect,
            dev=dev,
            dev_limit=dev_limit,
            skip_too_long=skip_too_long,
            device=device,
        )

    def train_from_scratch(
        *, data: Path, out: Path, seed: int = 1, manifest: Path | None = None, options: Any = None
    ) -> None:
        _train(trainer, options, data=data, out=out, seed=seed, manifest=manifest)

    if trainer.from_scratch:
        return plugin_command(train_from_scratch, trainer, _SHARED_OPTIONS)
    return plugin_command(train, trainer, _BASE_OPTIONS | _SHARED_OPTIONS)


def _train(trainer: Any, options: Any, **given: Any) -> None:
    from toolmark.trainers.guard_test_cases import no_test_cases
    from toolmark.trainers.host import run_training

    console = Console(stderr=True)

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    with no_test_cases():
        run_training(trainer, TrainingJob(**given), checked(trainer.Options, options), _printer(say), say)
    say(f"Trained: {given['out']}")


def _printer(say: Callable[[str], None]) -> Callable[[Mapping[str, float]], None]:
    """Return a function that prints a point of the training curve, at most once in 15 seconds."""
    printed = float("-inf")

    def log(point: Mapping[str, float]) -> None:
        nonlocal printed
        now = time.monotonic()
        if now - printed >= _SECONDS_BETWEEN_LINES:
            printed = now
            say("  ".join(f"{key} {value:,}" for key, value in point.items()))

    return log


app = App(name="train", help="Train a model or an adapter on a trace dataset.")
__getattr__ = plugin_commands(app, "toolmark.trainers", __name__, train_command)
