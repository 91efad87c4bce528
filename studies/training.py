"""Compares the speed of the trainer `lora` with TRL's loop, and writes docs/measurements/training-speed.md.

Both loops train for one epoch with the tutorial's recipe (`trainers/recipes/tutorial.toml`). They read the same
conversations with the same masks. TRL reads one conversation at a time, in random order, as the recipe says.

Each training runs in its own process. The loops train in turn. The measured time begins at the end of the first step
and ends at the end of the last step.

    python -m studies.training           the exit code is 1 if a target is missed
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from studies.page import Page, percent, spread
from studies.trl_training import Precision, chosen_examples, train_with_trl
from toolmark.benchmark.candidates.recipes import read_recipe
from toolmark.benchmark.core.command_line import flags
from toolmark.benchmark.data.dataset import TraceDataset
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.trainers.finetuning.encoded_examples import EncodedExamples
from toolmark.trainers.finetuning.options import LoraOptions
from toolmark.trainers.host import run_training
from toolmark.trainers.lora import LoraTrainer
from toolmark.trainers.training_job import TrainingJob

ROOT = Path(__file__).parents[1]
OUT = ROOT / "docs" / "measurements" / "training-speed.md"
BASE = ROOT / "benchmark" / "engine" / "pocket"
RECIPE = ROOT / "trainers" / "recipes" / "tutorial.toml"

TIMES, LOSS = 2.0, 0.02
"""Targets. `lora` must be `TIMES` times as fast as TRL. The last losses must differ by at most the share `LOSS`."""

NAMES = {
    "trl-float32": "TRL's `SFTTrainer`, float32",
    "trl-bfloat16": "TRL's `SFTTrainer`, bfloat16",
    "toolmark": "Toolmark, precision measured at the start",
}

HEAD = """# Speed of training an adapter

Written by `make perf`.
"""


def options_of(threads: int, **changes: Any) -> LoraOptions:
    """Return the options of the tutorial's recipe for one epoch, without checkpoints."""
    given = read_recipe(RECIPE).trainer.options
    return LoraOptions(**{**given, "epochs": 1.0, "threads": threads, "score_every": 1_000_000, **changes})


def ours(data: Path, out: Path, threads: int) -> tuple[list[float], int]:
    """Train with `lora`. Return the end time of each step, and the number of tokens read."""
    ends: list[float] = []
    job = TrainingJob(data=data, out=out, base="pocket", dialect="tagged", dev_limit=2)
    record = run_training(
        LoraTrainer(), job, options_of(threads), lambda _: ends.append(time.perf_counter()), lambda _: None
    )
    return ends, record.tokens


def plain(data: Path, out: Path, threads: int, precision: Precision) -> tuple[list[float], int]:
    """Train with TRL alone. Return the end time of each step, and the number of tokens read."""
    options = options_of(threads)
    chosen = chosen_examples(TraceDataset(data), Tagged(), BASE, options, seed=1)
    ends = train_with_trl(chosen, options, BASE, out, threads=threads, precision=precision)
    return ends, sum(len(one.ids) for one in chosen)


def loss_of(data: Path, adapter: Path) -> float:
    """Return the mean cross entropy over the supervised tokens of the validation split, in float32."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    from toolmark.trainers.finetuning.batch_layout import batch_loss, padded_rows

    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.float32), adapter).eval()
    total = count = 0.0
    with torch.inference_mode():
        for one in EncodedExamples(TraceDataset(data), Tagged(), BASE, print).of("validation"):
            tokens = sum(one.supervised)
            total += float(batch_loss(model, padded_rows([one]))) * tokens
            count += tokens
    return total / count


def alone(loop: str, data: Path, out: Path, threads: int) -> None:
    """Train once in this process, and write the measurements to `measured.json` in `out`."""
    precision: Precision = "bfloat16" if loop == "trl-bfloat16" else "float32"
    ends, tokens = ours(data, out, threads) if loop == "toolmark" else plain(data, out, threads, precision)
    steps = len(ends)
    measured = {
        "rate": tokens * (steps - 1) / steps / (ends[-1] - ends[0]),
        "tokens": tokens,
        "steps": steps,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "loss": loss_of(data, out),
    }
    (out / "measured.json").write_text(json.dumps(measured))


def measured(loop: str, data: Path, out: Path, threads: int) -> dict[str, float]:
    """Train once in a new process, and return the measurements."""
    arguments = ["--loop", loop, "--data", str(data), "--out", str(out), "--threads", str(threads)]
    subprocess.run([sys.executable, "-m", "studies.training", *arguments], check=True, cwd=ROOT)
    found: dict[str, float] = json.loads((out / "measured.json").read_text())
    return found


def write(found: dict[str, list[dict[str, float]]], threads: int, data: TraceDataset) -> int:
    """Write the page. Return 1 if a target is missed, and 0 otherwise."""
    page = Page(HEAD)
    first = found["toolmark"][0]
    rates = {loop: [one["rate"] for one in all_] for loop, all_ in found.items()}
    best = max((loop for loop in found if loop != "toolmark"), key=lambda loop: median(rates[loop]))
    pairs = [mine / theirs for mine, theirs in zip(rates["toolmark"], rates[best], strict=True)]
    losses = {loop: median(one["loss"] for one in all_) for loop, all_ in found.items()}
    apart = losses["toolmark"] / losses[best] - 1
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "trl", "peft"))
    explanation = (
        "A training loop is the code that reads the conversations and changes the weights. Each loop trains `pocket` "
        f"for one epoch with the tutorial's recipe. The epoch has {first['steps']:.0f} steps of 8 conversations, and "
        f"{first['tokens']:,.0f} tokens. The data set has {len(data.rows())} conversations of the template generator, "
        "with up to 10 tools. Many conversations have the same list of tools. The loss is computed on the validation "
        "split.\n\n"
        f"Each loop ran in {len(pairs)} processes. The loops took turns. The table shows the median [smallest, "
        f"largest]. Measured with {packages}, and Python {platform.python_version()} on {platform.machine()}, with "
        f"{threads} thread(s)."
    )
    page.section(
        "One epoch",
        explanation,
        ("loop", "tokens per second", "times the fastest TRL loop", "loss at the end", "peak memory"),
        (
            (
                NAMES[loop],
                spread(rates[loop], 0),
                spread([one / other for one, other in zip(rates[loop], rates[best], strict=True)], 2),
                f"{losses[loop]:.4f}",
                f"{max(one['peak'] for one in all_):,.0f} MB",
            )
            for loop, all_ in found.items()
        ),
    )
    page.held(
        median(pairs) >= TIMES,
        f"Toolmark must read at least {TIMES:g} times as many tokens per second as TRL",
        spread(pairs, 2),
    )
    page.held(
        abs(apart) <= LOSS,
        f"At the end, the losses of Toolmark and TRL must differ by at most {percent(LOSS, 0)}",
        f"{apart:+.1%}",
    )
    page.paragraph(
        "Toolmark's loop is faster for two reasons. First, if several conversations of a step have the same list of "
        "tools, the tokens of the list are computed only once. Second, Toolmark computes logits only for the tokens "
        "that the model learns. If all lists of tools were different, Toolmark's loop would be only a little faster."
    )
    OUT.write_text("\n".join(page.text))
    sys.stdout.write("\n".join(page.text))
    return 1 if page.broken else 0


def main() -> int:
    """Make the data, train with each loop in turn, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=600, help="conversations proposed")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--loop", choices=list(NAMES))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    if asked.loop:
        alone(asked.loop, asked.data, asked.out, asked.threads)
        return 0
    with TemporaryDirectory() as folder:
        recipe = read_recipe(RECIPE)
        # The number of conversations per list of tools is the same as in the recipe. The number of lists is smaller.
        given = recipe.generator.options
        lists = round(given["toolboxes"] * asked.count / given["count"])
        data = Path(folder) / "data"
        words = flags({**given, "count": asked.count, "toolboxes": lists, "seed": recipe.seed, "out": data})
        command = [sys.executable, "-m", "toolmark.benchmark.cli", "generate", recipe.generator.name, *words]
        subprocess.run(command, check=True, cwd=ROOT)
        found: dict[str, list[dict[str, float]]] = {loop: [] for loop in NAMES}
        for turn in range(asked.times):
            for loop in NAMES:
                found[loop].append(measured(loop, data, Path(folder) / f"{loop}-{turn}", asked.threads))
                sys.stderr.write(f"{loop}: {found[loop][-1]}\n")
        return write(found, asked.threads, TraceDataset(data))


if __name__ == "__main__":
    sys.exit(main())
