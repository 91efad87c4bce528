"""`toolmark train TRAINER --data DIR --out DIR [options]`: one command for each registered trainer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cyclopts import App
from rich.console import Console

from benchmark.plugin_commands import checked, plugin_command, plugin_commands

__all__ = ["app", "train_command"]

SECONDS_BETWEEN_LINES = 15.0


def train_command(trainer: Any) -> Callable[..., None]:
    """A function whose parameters are those of every training and the options of `trainer`."""

    def train(*, data: Path, out: Path, seed: int = 1, options: Any = None) -> None:
        from benchmark.plugins import Training

        console = Console(stderr=True)
        trainer.train(data, out, checked(trainer.Options, options), Training(seed=seed, log=_printer(console)))
        console.print(f"Trained: {out}", markup=False, highlight=False, soft_wrap=True)

    return plugin_command(
        train,
        trainer,
        {
            "data": (Path, "Folder that `toolmark generate` wrote."),
            "out": (Path, "Folder to write to. A training that was killed there continues."),
            "seed": (int, "Seed of everything that is drawn."),
        },
    )


def _printer(console: Console) -> Callable[[Mapping[str, float]], None]:
    """A log that prints a point of the curve now and then."""
    printed = float("-inf")

    def log(point: Mapping[str, float]) -> None:
        nonlocal printed
        now = time.monotonic()
        if now - printed >= SECONDS_BETWEEN_LINES:
            printed = now
            line = "  ".join(f"{key} {value:,}" for key, value in point.items())
            console.print(line, markup=False, highlight=False, soft_wrap=True)

    return log


app = App(name="train", help="Train a model or an adapter on a trace dataset.")
__getattr__ = plugin_commands(app, "toolmark.trainers", __name__, train_command)
