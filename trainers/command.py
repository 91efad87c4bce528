"""`toolmark train TRAINER --data DIR --out DIR [options]`: one command for each registered trainer.

The commands are made from the entry points of the group `toolmark.trainers`. Listing them needs their names alone; a
trainer, and with it torch, is imported when its own command is called.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Console

from benchmark.registry import load, names

__all__ = ["app"]

SECONDS_BETWEEN_LINES = 15.0

app = App(name="train", help="Train a model or an adapter on a trace dataset.")
for _name in names("toolmark.trainers"):
    app.command(f"{__name__}:{_name}", name=_name, help=f"Train with the trainer {_name}.")


def __getattr__(name: str) -> Callable[..., None]:
    """The command of the trainer `name`, made when it is first asked for."""
    if name not in names("toolmark.trainers"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return train_command(name)


def train_command(name: str) -> Callable[..., None]:
    """A function whose parameters are those of every training and the options of the trainer `name`.

    Raises:
        EnvironmentFault: The trainer needs a package that is not installed.
    """
    plugin = load("toolmark.trainers", name)
    trainer = plugin() if isinstance(plugin, type) else plugin

    def train(*, data: Path, out: Path, seed: int = 1, options: Any = None) -> None:
        from benchmark.plugins import Training

        console = Console(stderr=True)
        trainer.train(data, out, options or trainer.Options(), Training(seed=seed, log=_printer(console)))
        console.print(f"Trained: {out}", markup=False, highlight=False, soft_wrap=True)

    train.__name__ = name
    train.__doc__ = f"""{(trainer.__doc__ or name).strip().splitlines()[0]}

    Parameters
    ----------
    data:
        Folder that `toolmark generate` wrote.
    out:
        Folder to write to. A training that was killed there continues.
    seed:
        Seed of everything that is drawn.
    """
    train.__annotations__ = {
        "data": Path,
        "out": Path,
        "seed": int,
        "options": Annotated[trainer.Options, Parameter(name="*")],
        "return": None,
    }
    return train


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
