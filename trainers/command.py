"""`toolmark train TRAINER --data DIR --out DIR [options]`: one command for each registered trainer."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cyclopts import App
from rich.console import Console

from toolmark.benchmark.plugins.commands import checked, plugin_command, plugin_commands

__all__ = ["app", "train_command"]

SECONDS_BETWEEN_LINES = 15.0

_OF_EVERY_TRAINING = {
    "data": (Path, "Folder that `toolmark generate` wrote."),
    "out": (Path, "Folder to write to. A training that was killed there continues."),
    "seed": (int, "Seed of everything that is drawn."),
    "manifest": (Path | None, "MANIFEST.toml of held-out tools and test queries; the shipped one where not given."),
}

_OF_A_BASE = {
    "base": (str, "Model to train on: alias, path or hub id."),
    "dialect": (str, "In which tools are shown and calls written; the base family's own where not given, else tagged."),
    "dev": (str, "Cases whose dev split judges the checkpoints; the shipped ones where not given."),
    "dev_limit": (int, "How many of them."),
    "skip_too_long": (bool, "Leave out conversations that do not fit the context, and count them."),
}


def train_command(trainer: Any) -> Callable[..., None]:
    """A function whose parameters are those of every training and the options of `trainer`."""

    def train(
        *,
        base: str,
        data: Path,
        out: Path,
        seed: int = 1,
        dialect: str = "",
        dev: str = "",
        dev_limit: int = 60,
        manifest: Path | None = None,
        skip_too_long: bool = False,
        options: Any = None,
    ) -> None:
        _host(
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
        )

    def train_from_scratch(
        *, data: Path, out: Path, seed: int = 1, manifest: Path | None = None, options: Any = None
    ) -> None:
        _host(trainer, options, data=data, out=out, seed=seed, manifest=manifest)

    if getattr(trainer, "from_scratch", False):
        return plugin_command(train_from_scratch, trainer, _OF_EVERY_TRAINING)
    return plugin_command(train, trainer, _OF_A_BASE | _OF_EVERY_TRAINING)


def _host(trainer: Any, options: Any, **given: Any) -> None:
    from toolmark.trainers.host import Job, run
    from toolmark.trainers.test_case_guard import no_test_cases

    console = Console(stderr=True)

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    try:
        with no_test_cases():
            run(trainer, Job(**given), checked(trainer.Options, options), _printer(say), say)
    except KeyboardInterrupt as stopped:
        say(f"Interrupted. {stopped or 'The same command goes on from there.'}")
        sys.exit(2)
    say(f"Trained: {given['out']}")


def _printer(say: Callable[[str], None]) -> Callable[[Mapping[str, float]], None]:
    """A log that says a point of the curve now and then."""
    printed = float("-inf")

    def log(point: Mapping[str, float]) -> None:
        nonlocal printed
        now = time.monotonic()
        if now - printed >= SECONDS_BETWEEN_LINES:
            printed = now
            say("  ".join(f"{key} {value:,}" for key, value in point.items()))

    return log


app = App(name="train", help="Train a model or an adapter on a trace dataset.")
__getattr__ = plugin_commands(app, "toolmark.trainers", __name__, train_command)
