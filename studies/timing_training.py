"""Measures what trainings on own answers change, and writes docs/measurements/timing-training.md.

    python -m studies.timing_training --work DIR [--model pocket|smollm2] [--limit N] [--threads N] [--threshold-only]
        [--cases authored|generated]

The base, a LoRA adapter, this adapter with a fitted threshold for calls, and adapters that `dpo` and `grpo` train from
this adapter answer the same cases. `dpo` and `grpo` train with the seeds of their recipes, one training at a time. With
`--threshold-only`, they do not train. With `--cases`, only cases of one kind are answered.

Data, adapters and runs that are already in DIR are used again, and an interrupted training resumes. So the work folder
of `studies.real_models` also fits: this program then uses the data and the adapter of SmolLM2 in that folder.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from studies.recipes import ROOT, data_of, trained
from studies.rollout_speed import RolloutSpeed, rollout_speed
from studies.threshold_speed import ThresholdSpeed, threshold_speed
from studies.timing_training_page import COMPARED_RECIPES, KINDS, SUBJECTS, Candidates, Measured, Subject, write_page
from studies.world_recipes import judged_on
from studies.wrong_rewards import WRONG_REWARDS
from toolmark.benchmark.candidates.recipes import Recipe, read_recipe
from toolmark.benchmark.core.progress import phases_shown
from toolmark.benchmark.data.record import WrittenRecord
from toolmark.benchmark.evaluation.evaluate import Evaluation
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.verdicts.comparison import Side

DEV_LIMIT = 200
"""Number of dev cases on which the threshold is fitted."""
SPEED_CASES = 32
"""Number of cases with which the speed is measured."""
WRONG_STEPS = 24
"""Steps of a training with a wrong reward."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where and how a model is measured.

    Attributes:
        name: Name of the model in file names.
        subject: The model.
        work: Folder for data, adapters and runs.
        limit: Number of test cases of each kind.
        threads: Number of threads.
    """

    name: str
    subject: Subject
    work: Path
    limit: int
    threads: int

    def recipe(self, trainer: str) -> Recipe:
        """Return the recipe of this model with one of the trainers `lora`, `dpo` and `grpo`."""
        return read_recipe(ROOT / "trainers" / "recipes" / f"{self.subject.recipes[trainer]}.toml")

    def lora(self) -> str:
        """Return the adapter from which the trainings start. If it does not exist yet, train it."""
        if self.subject.adapter:
            return self.subject.adapter
        recipe, seed = self.recipe("lora"), self.subject.seed
        out = self.work / f"{self.name}-own-{seed}"  # the name in the work folder of `studies.real_models`
        return str(trained(recipe, data_of(recipe, self.work / self.subject.data), seed, out))

    def on_own_answers(self, trainer: str, lora: str) -> list[Path]:
        """Return the adapters that `dpo` or `grpo` trained from the LoRA adapter, one for each seed of the recipe."""
        recipe, data = self._prepared(trainer, {"adapter": lora})
        return [trained(recipe, data, seed, self.work / f"{recipe.name}-{seed}") for seed in recipe.seeds]

    def _prepared(self, trainer: str, options: Mapping[str, Any]) -> tuple[Recipe, Path]:
        """Return the recipe of this model with other options of the trainer, and the data."""
        recipe = self.recipe(trainer)
        data = data_of(recipe.with_seed(recipe.seeds[0]), self.work / self.subject.data)
        recipe = judged_on(recipe, data)
        step = recipe.trainer.model_copy(update={**options, "threads": self.threads})
        return recipe.model_copy(update={"trainer": step}), data

    def hacked(self, lora: str) -> dict[str, Side]:
        """Return the judged answers of adapters that were trained with wrong rewards."""
        adapters = []
        for name, wrong in WRONG_REWARDS.items():
            options = {"adapter": lora, "rewards": wrong.rewards, "choose": wrong.choose}
            options |= {"steps": WRONG_STEPS, "score_every": WRONG_STEPS}
            recipe, data = self._prepared("grpo", options)
            adapters.append(str(trained(recipe, data, recipe.seeds[0], self.work / f"{recipe.name}-wrong-{name}")))
        return dict(zip(WRONG_REWARDS, self._answered(KINDS[-1], [lora, *adapters])[2:], strict=True))

    def threshold(self, kind: str, lora: str) -> str:
        """Return the end of the spec with the threshold that `toolmark calibrate` fits on dev cases of this kind."""
        kept = self.work / f"{self.name}-threshold-{kind}.txt"
        if not kept.exists():
            words = ["calibrate", self.subject.base, "--adapter", lora, "--cases", kind, "--limit", str(DEV_LIMIT)]
            words += ["--dialect", self.subject.dialect, "--max-tokens", str(self.subject.max_tokens)]
            words += ["--threads", str(self.threads), "--runs", str(self.work / "runs" / f"{kind}-dev")]
            command = [sys.executable, "-m", "toolmark.benchmark.cli", *words]
            said = subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.PIPE, text=True).stdout
            spec = next(line for line in said.splitlines() if line.startswith("spec: "))
            kept.write_text("@call>" + spec.rpartition("@call>")[2])
        return kept.read_text()

    def speed(self, lora: str) -> ThresholdSpeed:
        """Return how long answers take with a threshold and without one."""
        kept = self.work / f"{self.name}-threshold-speed.json"
        if not kept.exists():
            subject = self.subject
            found = threshold_speed(f"{subject.base}:{lora}", KINDS[-1], subject.dialect, SPEED_CASES, self.threads)
            kept.write_text(json.dumps(asdict(found)))
        return ThresholdSpeed(**json.loads(kept.read_text()))

    def rollouts(self, lora: str) -> RolloutSpeed:
        """Return how long the sampling of `grpo` takes, and how long TRL's own sampling takes."""
        kept = self.work / f"{self.name}-rollout-speed.json"
        if not kept.exists():
            recipe, data = self._prepared("grpo", {"adapter": lora})
            kept.write_text(json.dumps(asdict(rollout_speed(recipe, lora, data, self.threads))))
        return RolloutSpeed(**json.loads(kept.read_text()))

    def judged(self, kind: str, lora: str, trainings: Sequence[tuple[str, Path]]) -> Candidates:
        """Let every candidate answer the test cases of one kind, and judge the answers."""
        limited = f"{lora}{self.threshold(kind, lora)}"
        base, start, forced, *others = self._answered(kind, [lora, limited, *(str(one) for _, one in trainings)])
        recipes = [recipe for recipe, _ in trainings]
        return Candidates(base, start, forced, tuple(zip(recipes, others, strict=True)))

    def _answered(self, kind: str, adapters: Sequence[str]) -> list[Side]:
        """Return the judged answers of the base and of each adapter to the test cases of one kind."""
        request = Request(
            models=(self.subject.base,),
            adapters=tuple(adapters),
            cases=kind,
            limit=self.limit,
            dialect=self.subject.dialect,
            max_tokens=self.subject.max_tokens,
            threads=self.threads,
            runs=self.work / "runs" / kind,
        )
        evaluation = Evaluation(request)
        with phases_shown():
            evaluation.run(logs=False)
        return [one.side() for one in evaluation.contestants]


def measure(place: Place, trainers: Sequence[str], kinds: Sequence[str]) -> None:
    """Train and answer what is missing, and write the page. If a target is missed, the program ends with code 1.

    Args:
        place: Where and how the model is measured.
        trainers: The trainers that train from the LoRA adapter.
        kinds: The kinds of cases.
    """
    lora = place.lora()
    trainings = [(name, adapter) for name in trainers for adapter in place.on_own_answers(name, lora)]
    found = {kind: place.judged(kind, lora, trainings) for kind in kinds}
    records = [(name, WrittenRecord.read(adapter)) for name, adapter in trainings]
    hacked = place.hacked(lora) if place.subject.wrong_rewards else {}
    rollouts = place.rollouts(lora) if "grpo" in trainers else None
    write_page(place.name, Measured(found, records, place.speed(lora), rollouts, hacked))


def main() -> None:
    """Measure one model, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for intermediate files")
    parser.add_argument("--model", choices=list(SUBJECTS), default="pocket")
    parser.add_argument("--limit", type=int, default=300, help="number of test cases of each kind")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--threshold-only", action="store_true", help="do not train with `dpo` and `grpo`")
    parser.add_argument("--cases", choices=KINDS, action="append", help="only cases of this kind")
    asked = parser.parse_args()
    work: Path = asked.work.absolute()
    work.mkdir(parents=True, exist_ok=True)
    place = Place(asked.model, SUBJECTS[asked.model], work, asked.limit, asked.threads)
    measure(place, () if asked.threshold_only else COMPARED_RECIPES, asked.cases or KINDS)


if __name__ == "__main__":
    main()
