"""Measures real models before and after a training, and writes docs/measurements/real-models.md.

For each model, the same cases are answered by:

- the base
- an adapter of the tutorial's recipe that was trained with TRL alone; Toolmark only judges this adapter
- an adapter that `toolmark train lora` trained with the same recipe and the same data
- adapters of the model's own recipe, with three training seeds

The answers are kept in docs/replays/real-models, so the page can be written again without a model.

    python -m studies.real_models --work DIR                    does what is missing, then writes the page
    python -m studies.real_models --work DIR --model smollm2    does only what is missing for one model
    python -m studies.real_models --page                        only writes the page

The packages that contain the weights are needed (docs/guide/models.md). Trainings run one after the other. An
interrupted training resumes.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from studies.peak_memory import peak_bytes
from studies.real_models_page import CASES, MODELS, REPLAYS, recording, write_page
from studies.recipes import ROOT, SEEDS, data_of, trained
from toolmark.benchmark.candidates.recipes import Recipe, read_recipe
from toolmark.benchmark.core.progress import phases_shown
from toolmark.benchmark.data.record import WrittenRecord
from toolmark.benchmark.evaluation.evaluate import Evaluation
from toolmark.benchmark.evaluation.request import Request

TRAININGS = REPLAYS / "trainings.json"
CHECKPOINTS = 10
"""Steps between two checkpoints of a training by TRL alone."""
TUTORIAL = read_recipe(ROOT / "trainers" / "recipes" / "tutorial.toml")
RECIPES = {model: read_recipe(ROOT / "trainers" / "recipes" / f"{model}.toml") for model in MODELS}


@dataclass(frozen=True, slots=True)
class Training:
    """A training of a base.

    Attributes:
        name: Name of the adapter in tables and file names.
        recipe: The recipe. Its base is replaced by the base of the model's own recipe.
        seed: Seed of the training.
        with_trl: Whether TRL trains alone.
    """

    name: str
    recipe: Recipe
    seed: int = 1
    with_trl: bool = False


def trainings(model: str) -> list[Training]:
    """Return all trainings of a model. The training with TRL alone takes the longest time, so it is the last one."""
    own = [Training(f"own-{seed}", RECIPES[model], seed) for seed in SEEDS]
    return [Training("tutorial", TUTORIAL), *own, Training("tutorial-trl", TUTORIAL, with_trl=True)]


def adapter_of(model: str, training: Training, work: Path) -> Path:
    """Return the adapter of a training. If it does not exist yet, train it and record what the training cost."""
    own, out = RECIPES[model], work / f"{model}-{training.name}"
    data = data_of(training.recipe, work / f"data-{training.recipe.name}")
    if not training.with_trl:
        recipe = training.recipe.model_copy(update={"base": own.base, "dialect": own.dialect})
        record = WrittenRecord.read(trained(recipe, data, training.seed, out))
        keep(f"{model}-{training.name}", seconds=record.seconds, tokens=record.tokens, loss=record.losses["loss"])
    elif not (out / "adapter_config.json").exists():
        words = ["--model", model, "--trl", str(out), "--work", str(work)]
        subprocess.run([sys.executable, "-m", "studies.real_models", *words], check=True, cwd=ROOT)
    return out


def known_trainings() -> dict[str, dict[str, float]]:
    """Return the figures of all trainings, by model and candidate."""
    known: dict[str, dict[str, float]] = json.loads(TRAININGS.read_text()) if TRAININGS.exists() else {}
    return known


def keep(name: str, **figures: float) -> None:
    """Add the figures of a training to the file of all trainings."""
    known = known_trainings()
    known[name] = {key: round(value, 4) for key, value in figures.items()}
    TRAININGS.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")


def train_alone(model: str, out: Path, work: Path) -> None:
    """Train the tutorial's recipe with TRL in this process, and record what the training cost."""
    from transformers import AutoConfig

    from studies.trl_training import Precision, chosen_examples, train_with_trl
    from toolmark.benchmark.candidates.spec import resolve
    from toolmark.benchmark.core.registry import load
    from toolmark.benchmark.data.dataset import TraceDataset
    from toolmark.benchmark.engine.model_folder import locate
    from toolmark.trainers.finetuning.options import LoraOptions
    from toolmark.trainers.precision_choice import choose_precision

    own, options = RECIPES[model], LoraOptions(**TUTORIAL.trainer.options)
    base = locate(resolve(own.base)).base
    data = TraceDataset(data_of(TUTORIAL, work / f"data-{TUTORIAL.name}"))
    chosen = chosen_examples(data, load("toolmark.dialects", own.dialect)(), base, options, TUTORIAL.seed)
    choice = choose_precision(AutoConfig.from_pretrained(base), 2048, "auto", 1)
    precision: Precision = "bfloat16" if choice.precision == "bfloat16" else "float32"
    ends = train_with_trl(
        chosen, options, base, out, threads=1, precision=precision, seed=TUTORIAL.seed, save_every=CHECKPOINTS
    )
    keep(
        f"{model}-tutorial-trl",
        seconds=ends[-1],
        tokens=sum(len(one.ids) for one in chosen) * options.epochs,
        peak_bytes=peak_bytes(),
    )


def answer(model: str, name: str, adapter: Path | None, work: Path) -> None:
    """Let a candidate answer all kinds of cases, and keep the answers."""
    own = RECIPES[model]
    for kind, (cases, limit) in CASES.items():
        kept = recording(kind, model, name)
        if kept.exists():
            continue
        evaluation = Evaluation(
            Request(
                models=(own.base if adapter is None else f"{own.base}:{adapter}",),
                cases=cases,
                dialect=own.dialect,
                limit=limit,
                threads=1,
                runs=work / "runs" / kind,
            )
        )
        with phases_shown():
            evaluation.run(logs=False)
        ledger = evaluation.contestants[-1].run.folder / "ledger.jsonl"
        with ledger.open("rb") as source, gzip.GzipFile(kept, "wb", mtime=0) as target:
            shutil.copyfileobj(source, target)


def main() -> None:
    """Train and answer what is missing, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--work", type=Path, default=ROOT / "build" / "real-models", help="folder for data and adapters"
    )
    parser.add_argument("--model", choices=list(RECIPES), action="append", help="only this model")
    parser.add_argument(
        "--trl", type=Path, metavar="OUT", help="only train with TRL alone, and write the adapter to OUT"
    )
    parser.add_argument("--page", action="store_true", help="only write the page")
    asked = parser.parse_args()
    work: Path = asked.work.absolute()
    for folder in (work, REPLAYS):
        folder.mkdir(parents=True, exist_ok=True)
    if asked.trl:
        train_alone(asked.model[0], asked.trl, work)
        return
    for model in () if asked.page else asked.model or RECIPES:
        answer(model, "base", None, work)
        for training in trainings(model):
            answer(model, training.name, adapter_of(model, training, work), work)
    write_page(known_trainings())


if __name__ == "__main__":
    main()
