"""`toolmark train TRAINER --data DIR --out DIR [options]`: one command for each registered trainer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from cyclopts import App

from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.config.template_args import parse_template_args
from toolmark.benchmark.core.printing import console
from toolmark.benchmark.core.progress import phase
from toolmark.benchmark.engine.devices import DeviceChoice
from toolmark.benchmark.plugins.commands import checked, plugin_command, plugin_commands
from toolmark.trainers.curve_line import curve_line
from toolmark.trainers.training_job import DEV_LIMIT, TrainingJob

__all__ = ["app", "train_command"]

_DEFAULTS = Decoding()

_SHARED_OPTIONS = {
    "data": (Path, "Folder that `toolmark generate` wrote."),
    "out": (Path, "Folder to write to. If the folder contains an interrupted training, this training resumes."),
    "seed": (int, "Seed of all random choices."),
    "manifest": (
        Path | None,
        "MANIFEST.toml with held-out tools and test queries. Default: the manifest of the shipped cases.",
    ),
}

_BASE_OPTIONS = {
    "base": (str, "Model to train on: an alias, a path or a hub id."),
    "adapter": (str, "Adapter from which the training starts. The trainers dpo and grpo need one."),
    "dialect": (
        str,
        "Dialect of tools and calls. Default: that of the adapter's training, of the base's family, or else tagged.",
    ),
    "dev": (
        str,
        "Cases or scenarios on which checkpoints are judged. Only the split dev is used. Default: the authored cases.",
    ),
    "tools": (
        str,
        "File or module with the toolboxes of the cases of --dev. For scenarios, the world: my_world.py:World.",
    ),
    "dev_limit": (int, "Highest number of cases on which a checkpoint is judged."),
    "skip_bad": (bool, "Leave out rows of --dev that cannot be read."),
    "skip_too_long": (
        bool,
        "Leave out conversations and cases of --dev that are too long, and print the number of these conversations.",
    ),
    "template_args": (
        str,
        "Arguments of the chat template as JSON. Default: those of the training of the adapter or the base, or none.",
    ),
    "max_tokens": (int, "Largest number of tokens of an answer to a dev case."),
    "thinking_tokens": (
        int,
        "Largest number of tokens of a thought before such an answer. With 0, thoughts count against --max-tokens.",
    ),
    "device": (DeviceChoice, "Device of the training. auto chooses a CUDA device if there is one, else the processor."),
}


def train_command(trainer: Any) -> Callable[..., None]:
    """Return the command of `trainer`: a function with the shared options and the trainer's own options."""

    def train(
        *,
        base: str,
        data: Path,
        out: Path,
        adapter: str = "",
        seed: int = 1,
        dialect: str = "",
        dev: str = "",
        tools: str = "",
        dev_limit: int = DEV_LIMIT,
        manifest: Path | None = None,
        skip_bad: bool = False,
        skip_too_long: bool = False,
        template_args: str = "",
        max_tokens: int = _DEFAULTS.max_tokens,
        thinking_tokens: int = _DEFAULTS.thinking_tokens,
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
            adapter=adapter,
            dialect=dialect,
            dev=dev,
            tools=tools,
            dev_limit=dev_limit,
            skip_bad=skip_bad,
            skip_too_long=skip_too_long,
            template_args=parse_template_args(template_args),
            max_tokens=max_tokens,
            thinking_tokens=thinking_tokens,
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

    output = console(stderr=True)

    def say(line: str) -> None:
        output.print(line, soft_wrap=True)

    with no_test_cases(), phase("preparing the training") as shown:

        def log(point: Mapping[str, float]) -> None:
            shown.text = partial(curve_line, point)

        run_training(trainer, TrainingJob(**given), checked(trainer.Options, options), log, say)
    say(f"Trained: {given['out']}")


app = App(name="train", help="Train a model or an adapter on a trace dataset.")
__getattr__ = plugin_commands(app, "toolmark.trainers", __name__, train_command)
