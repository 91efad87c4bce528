"""Compares the speed of the trainer `lora` with TRL's loop, and writes docs/measurements/training-speed.md.

Two models are trained: `pocket`, and SmolLM2-135M-Instruct. Both loops train for one epoch with the tutorial's recipe
(`trainers/recipes/tutorial.toml`). They read the same conversations with the same masks. TRL reads one conversation at
a time, in random order. Toolmark reads conversations with the same list of tools together.

Each training runs in its own process. The loops train in turn. The measured time begins at the end of the first step
and ends at the end of the last step. If the processor multiplies bfloat16 more slowly than float32, TRL trains only in
float32.

    python -m studies.training                    the exit code is 1 if a target is missed
    python -m studies.training --only smollm2     measures one model; the section of the other model stays
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from studies.page import Page, filled, percent, spread
from studies.peak_memory import peak_bytes
from studies.trl_training import Precision, chosen_examples, train_with_trl
from toolmark.benchmark.candidates.recipes import read_recipe
from toolmark.benchmark.candidates.spec import resolve
from toolmark.benchmark.core.command_line import flags
from toolmark.benchmark.core.errors import EnvironmentFault
from toolmark.benchmark.data.dataset import TraceDataset
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.engine.model_folder import locate
from toolmark.benchmark.engine.multiplication_speed import flops_per_second
from toolmark.trainers.finetuning.encoded_examples import EncodedExamples
from toolmark.trainers.finetuning.options import LoraOptions
from toolmark.trainers.host import run_training
from toolmark.trainers.lora import LoraTrainer
from toolmark.trainers.training_job import TrainingJob

ROOT = Path(__file__).parents[1]
OUT = ROOT / "docs" / "measurements" / "training-speed.md"
RECIPE = ROOT / "trainers" / "recipes" / "tutorial.toml"

LOSS = 0.02
"""Target: the losses at the end must differ by at most this share."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A model that the loops train.

    Attributes:
        title: Name of the model in the page.
        base: Spec of the model.
        count: Number of conversations that are proposed.
        times: Number of trainings by each loop.
        faster: Target: Toolmark must be this many times as fast as the fastest TRL loop.
    """

    title: str
    base: str
    count: int
    times: int
    faster: float


SUBJECTS = {
    "pocket": Subject("`pocket`, 3M parameters", "pocket", 600, 3, 2.0),
    "smollm2": Subject("SmolLM2-135M-Instruct, 135M parameters", "smollm2-135m-instruct-q4", 300, 1, 3.0),
}

NAMES = {
    "trl-float32": "TRL's `SFTTrainer`, float32",
    "trl-bfloat16": "TRL's `SFTTrainer`, bfloat16",
    "toolmark": "Toolmark, precision measured at the start",
}

HEAD = """# Speed of training an adapter

Written by `make perf`. A training loop is the code that reads the conversations and changes the weights. Each loop
trains a model for one epoch with the tutorial's recipe. The loops took turns, and each training ran in its own process.
"""

MEASURED = "Measured with {packages}, and Python {python} on {machine}, with {threads} thread(s)."

NO_BFLOAT16 = (
    "TRL did not train in bfloat16. This processor reaches {bfloat16:.1f} GFLOP/s in bfloat16, and "
    "{float32:.1f} GFLOP/s in float32."
)

REASONS = (
    "Toolmark's loop is faster than TRL's for two reasons. First, it puts conversations with the same list of tools "
    "into the same step (`--order prefix`, the default), and computes the tokens of the list only once. Second, it "
    "computes logits only for the tokens that the model learns. If all lists of tools were different, Toolmark's loop "
    "would be only a little faster than TRL's."
)


def options_of(threads: int, **changes: Any) -> LoraOptions:
    """Return the options of the tutorial's recipe for one epoch, without checkpoints."""
    given = read_recipe(RECIPE).trainer.options
    return LoraOptions(**{**given, "epochs": 1.0, "threads": threads, "score_every": 1_000_000, **changes})


def ours(subject: Subject, data: Path, out: Path, threads: int) -> tuple[list[float], int]:
    """Train with `lora`. Return the end time of each step, and the number of tokens read."""
    ends: list[float] = []
    job = TrainingJob(data=data, out=out, base=subject.base, dialect="tagged", dev_limit=2)
    record = run_training(
        LoraTrainer(), job, options_of(threads), lambda _: ends.append(time.perf_counter()), lambda _: None
    )
    return ends, record.tokens


def plain(data: Path, base: Path, out: Path, threads: int, precision: Precision) -> tuple[list[float], int]:
    """Train with TRL alone. Return the end time of each step, and the number of tokens read."""
    options = options_of(threads)
    chosen = chosen_examples(TraceDataset(data), Tagged(), base, options, seed=1)
    ends = train_with_trl(chosen, options, base, out, threads=threads, precision=precision)
    return ends, sum(len(one.ids) for one in chosen)


def loss_of(data: Path, base: Path, adapter: Path) -> float:
    """Return the mean cross entropy over the supervised tokens of the validation split, in float32."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    from toolmark.trainers.finetuning.batch_layout import batch_loss, padded_rows

    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), adapter).eval()
    total = count = 0.0
    with torch.inference_mode():
        for one in EncodedExamples(TraceDataset(data), Tagged(), base, print).of("validation"):
            tokens = sum(one.supervised)
            total += float(batch_loss(model, padded_rows([one]))) * tokens
            count += tokens
    return total / count


def alone(subject: Subject, loop: str, data: Path, out: Path, threads: int) -> None:
    """Train once in this process, and write the measurements to `measured.json` in `out`."""
    base = locate(resolve(subject.base)).base
    precision: Precision = "bfloat16" if loop == "trl-bfloat16" else "float32"
    if loop == "toolmark":
        ends, tokens = ours(subject, data, out, threads)
    else:
        ends, tokens = plain(data, base, out, threads, precision)
    steps = len(ends)
    measured = {
        "rate": tokens * (steps - 1) / steps / (ends[-1] - ends[0]),
        "tokens": tokens,
        "steps": steps,
        "peak": peak_bytes(),
        "loss": loss_of(data, base, out),
    }
    (out / "measured.json").write_text(json.dumps(measured))


def measured(name: str, loop: str, data: Path, out: Path, threads: int) -> dict[str, float]:
    """Train once in a new process, and return the measurements."""
    arguments = ["--only", name, "--loop", loop, "--data", str(data), "--out", str(out), "--threads", str(threads)]
    subprocess.run([sys.executable, "-m", "studies.training", *arguments], check=True, cwd=ROOT)
    found: dict[str, float] = json.loads((out / "measured.json").read_text())
    return found


def write_section(
    page: Page, subject: Subject, found: dict[str, list[dict[str, float]]], conversations: int, how: str
) -> None:
    """Write the section of a model.

    Args:
        page: The page.
        subject: The model.
        found: The measurements of each loop.
        conversations: Number of conversations in the data.
        how: Sentences that tell with what was measured.
    """
    first = found["toolmark"][0]
    rates = {loop: [one["rate"] for one in all_] for loop, all_ in found.items()}
    best = max((loop for loop in found if loop != "toolmark"), key=lambda loop: median(rates[loop]))
    pairs = [mine / theirs for mine, theirs in zip(rates["toolmark"], rates[best], strict=True)]
    losses = {loop: median(one["loss"] for one in all_) for loop, all_ in found.items()}
    apart = losses["toolmark"] / losses[best] - 1
    page.section(
        subject.title,
        f"The epoch has {first['steps']:.0f} steps of 8 conversations, and {first['tokens']:,.0f} tokens. The data set "
        f"has {conversations} conversations of the template generator, with up to 10 tools. Many conversations have "
        "the same list of tools. The loss is computed on the validation split. Each loop trained "
        f"{len(pairs)} time(s). The table shows the median [smallest, largest]. {how}",
        ("loop", "tokens per second", "times the fastest TRL loop", "loss at the end", "peak memory"),
        (
            (
                NAMES[loop],
                spread(rates[loop], 0),
                spread([one / other for one, other in zip(rates[loop], rates[best], strict=True)], 2),
                f"{losses[loop]:.4f}",
                f"{max(one['peak'] for one in all_) / 1e6:,.0f} MB",
            )
            for loop, all_ in found.items()
        ),
    )
    page.held(
        median(pairs) >= subject.faster,
        f"Toolmark must read at least {subject.faster:g} times as many tokens per second as TRL",
        f"{spread(pairs, 2)} times",
    )
    page.held(
        abs(apart) <= LOSS,
        f"At the end, the losses of Toolmark and TRL must differ by at most {percent(LOSS, 0)}",
        f"{apart:+.1%}",
    )


def chosen_loops(threads: int) -> tuple[list[str], str]:
    """Return the loops that train on this processor, and a sentence about a loop that does not train."""
    rates = {dtype: flops_per_second(dtype, threads=threads) / 1e9 for dtype in ("float32", "bfloat16")}
    if rates["bfloat16"] >= rates["float32"]:
        return list(NAMES), ""
    return [loop for loop in NAMES if loop != "trl-bfloat16"], NO_BFLOAT16.format(**rates)


def measured_with(threads: int) -> str:
    """Return the sentence that tells with what was measured."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "trl", "peft"))
    return MEASURED.format(
        packages=packages, python=platform.python_version(), machine=platform.machine(), threads=threads
    )


def measure_subject(page: Page, name: str, threads: int) -> None:
    """Make the data, train with each loop in turn, and write the section of a model."""
    loops, left_out = chosen_loops(threads)
    subject, recipe = SUBJECTS[name], read_recipe(RECIPE)
    locate(resolve(subject.base))  # without the weights, no data is made
    with TemporaryDirectory() as folder:
        # The number of conversations per list of tools is the same as in the recipe. The number of lists is smaller.
        given = recipe.generator.options
        lists = round(given["toolboxes"] * subject.count / given["count"])
        data = Path(folder) / "data"
        words = flags({**given, "count": subject.count, "toolboxes": lists, "seed": recipe.seed, "out": data})
        command = [sys.executable, "-m", "toolmark.benchmark.cli", "generate", recipe.generator.name, *words]
        subprocess.run(command, check=True, cwd=ROOT)
        found: dict[str, list[dict[str, float]]] = {loop: [] for loop in loops}
        for turn in range(subject.times):
            for loop in loops:
                found[loop].append(measured(name, loop, data, Path(folder) / f"{loop}-{turn}", threads))
                sys.stderr.write(f"{name}, {loop}: {found[loop][-1]}\n")
        how = f"{measured_with(threads)} {left_out}".strip()
        write_section(page, subject, found, len(TraceDataset(data).rows()), how)


def sections_of(written: str) -> dict[str, str]:
    """Return the sections of a page by the name of the model."""
    found = {}
    for name, subject in SUBJECTS.items():
        _, begin, rest = written.partition(f"## {subject.title}")
        if begin:
            found[name] = begin + rest.partition("\n## ")[0].partition(f"\n{filled(REASONS)}")[0].rstrip() + "\n"
    return found


def main() -> None:
    """Measure the models of --only, and write the page. The sections of other models stay."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=list(SUBJECTS), action="append", help="only this model")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--loop", choices=list(NAMES))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    names = asked.only or list(SUBJECTS)
    if asked.loop:
        alone(SUBJECTS[names[0]], asked.loop, asked.data, asked.out, asked.threads)
        return
    sections, broken = sections_of(OUT.read_text(encoding="utf-8") if OUT.exists() else ""), []
    for name in names:
        page = Page("")
        try:
            measure_subject(page, name, asked.threads)
        except EnvironmentFault as error:  # the weights are not installed
            page.text.append(f"## {SUBJECTS[name].title}: not measured\n\n{error}\n")
        sections[name] = "\n".join(page.text).strip("\n") + "\n"
        broken += page.broken
    page = Page(HEAD)
    page.text += [sections[name] for name in SUBJECTS if name in sections]
    page.broken += broken
    page.paragraph(REASONS)
    page.finish(OUT)


if __name__ == "__main__":
    main()
