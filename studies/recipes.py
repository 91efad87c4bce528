"""Measures the shipped recipes, and writes docs/measurements/recipes.md.

The program makes two comparisons:

1. `tutorial.toml` with `lora.toml`, with three training seeds. Both recipes have the same base and the same data. The
   data is made once, with the seed of `lora.toml`.
2. `lora.toml` and `lora-long.toml` with the base. Each of these recipes has its own data and seed.

All adapters are judged on the shipped test cases, and on test cases of the template generator. The phrasings of the
template cases are not in the training data. Cases that need a held-out tool are also counted separately.

    python -m studies.recipes --work DIR      files that are already in DIR are used again

Two trainings run at the same time. Two candidates answer at the same time.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from studies.page import Page, points, spread
from studies.recipe_tries import LEARNT
from toolmark.benchmark.candidates.recipes import Recipe, read_recipe
from toolmark.benchmark.core.command_line import flags
from toolmark.benchmark.data.held_out import held_out, shipped_manifest
from toolmark.benchmark.data.record import RECORD_FILE
from toolmark.benchmark.data.shipped_cases import shipped_cases
from toolmark.benchmark.evaluation.evaluate import Evaluation
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.scoring.grades import Grade
from toolmark.benchmark.scoring.metrics import METRICS, PRIMARY
from toolmark.benchmark.verdicts.comparison import Comparison, Side, compare_sides
from toolmark.benchmark.verdicts.figure import figure_of

ROOT = Path(__file__).parents[1]
OUT = ROOT / "docs" / "measurements" / "recipes.md"
RECIPES = {name: ROOT / "trainers" / "recipes" / f"{name}.toml" for name in ("tutorial", "lora", "lora-long")}
COMPARED, SEEDS = ("tutorial", "lora"), (1, 2, 3)
CHANGE = {"lora": "What the short recipe changes", "lora-long": "What the long recipe changes"}
POINTS = 0.15
"""Target for the gain of `selection.tool` and `validity.call` on template cases, as a share."""

HEAD = """# Measurements of the shipped recipes

Written by `python -m studies.recipes --work DIR`. Scores are in per cent. Decoding is greedy, in float32. *Authored*
cases are the shipped test cases. *Template* cases come from the template generator, with wordings that are not in the
training data. *Seen* tools are in the training data. *Unseen* tools are not in the training data.
"""


def toolmark(*words: str) -> None:
    """Run one command of `toolmark` in a new process."""
    subprocess.run([sys.executable, "-m", "toolmark.benchmark.cli", *words], check=True, cwd=ROOT)


def data_of(recipe: Recipe, out: Path) -> Path:
    """Return the folder with the data of a recipe. If `out` does not exist, make the data."""
    if not out.exists():
        given = {"out": out, "seed": recipe.seed, **recipe.options(recipe.generator)}
        toolmark("generate", recipe.generator.name, *flags(given))
    return out


def template_cases(work: Path) -> Path:
    """Return the folder with template cases for all tools of the catalog, including the held-out tools."""
    cases = work / "cases"
    if not cases.exists():
        nothing = work / "nothing-held-out.toml"
        nothing.write_text("held_out_tools = []\n")
        asked = {"out": cases, "seed": 991, "manifest": nothing, "count": 1800, "toolboxes": 30, "max-distractors": 39}
        toolmark("generate", "template", *flags(asked))
    return cases


def trained(recipe: Recipe, data: Path, seed: int, out: Path) -> Path:
    """Return the adapter of a recipe, trained with `seed`. If `out` has no adapter, train the adapter."""
    if not (out / RECORD_FILE).exists():
        given = {"base": recipe.base, "data": data, "out": out, "dialect": recipe.dialect, "seed": seed}
        toolmark("train", recipe.trainer.name, *flags({**given, **recipe.options(recipe.trainer)}))
    return out


Judged = list[Side]
"""The base, and after the base each adapter."""


def evaluation(cases: str, adapters: Sequence[str], dialect: str, work: Path) -> Evaluation:
    """Return the evaluation of the base and of each adapter on the test split."""
    return Evaluation(
        Request(
            models=("pocket",),
            adapters=tuple(adapters),
            cases=cases,
            split="test",
            dialect=dialect,
            threads=1,
            runs=work / "runs",
        )
    )


def judged(cases: str, adapters: Sequence[Path], dialect: str, work: Path) -> Judged:
    """Judge the base and all adapters on the test split."""

    def answered(adapter: str) -> None:
        words = ["--work", str(work), "--answer", cases, "--dialect", dialect, "--adapter", adapter]
        subprocess.run([sys.executable, "-m", "studies.recipes", *words], check=True, cwd=ROOT)

    with ThreadPoolExecutor(2) as lanes:
        list(lanes.map(answered, ("", *map(str, adapters))))
    whole = evaluation(cases, tuple(map(str, adapters)), dialect, work)
    whole.run(logs=False)  # every answer is there
    return [contestant.side() for contestant in whole.contestants]


def percents(values: Sequence[float | None]) -> str:
    """Return the median and the range of scores, in per cent."""
    known = [100 * value for value in values if value is not None]
    return spread(known) if known else "n/a"


@cache
def parts() -> dict[str, Callable[[Grade], bool]]:
    """Return the groups of cases that are counted separately.

    The keys are the names of the groups. Each value is a function that returns whether the case of a grade is in the
    group.
    """
    kept_out = set(held_out(shipped_manifest()).tools)
    return {
        "all": lambda _: True,
        "seen tools": lambda row: row.expected == "call" and row.tool not in kept_out,
        "unseen tools": lambda row: row.expected == "call" and row.tool in kept_out,
    }


def pair(judged: Judged, place: int) -> Judged:
    """Return the base and the candidate at `place`."""
    return [judged[0], judged[place]]


def changes(page: Page, title: str, recipe: str, kinds: dict[str, Judged]) -> None:
    """Write the section that compares one adapter with the base, and the lines about the targets."""
    found: dict[tuple[str, str], Comparison] = {}
    lines = []
    for kind, judged in kinds.items():
        for part, wanted in parts().items():
            sides = [replace(side, grades=[row for row in side.grades if wanted(row)]) for side in judged]
            comparison = found[kind, part] = compare_sides(sides)
            for metric in PRIMARY:
                difference = comparison.compared[0].differences[metric.id]
                if difference.interval is None or difference.effect is None:
                    continue
                effect = points(difference.effect, difference.interval)
                lines.append([kind, part, f"`{metric.id}`", str(difference.n), effect, difference.verdict])
    page.section(
        title,
        f"`{recipe}.toml` trains `pocket` with the seed of the recipe. The table compares the trained model with "
        "`pocket`. Differences are in percentage points. The brackets contain the 95% interval of the paired "
        "difference.",
        ["cases", "tools", "metric", "n", "difference", "verdict"],
        lines,
    )
    for name in ("selection.tool", "validity.call"):
        gain = found["template", "all"].compared[0].differences[name]
        assert gain.effect is not None
        page.held(
            gain.effect >= POINTS,
            f"With `{recipe}.toml`, `{name}` must gain at least 15 points on template cases",
            f"{100 * gain.effect:+.1f} points",
        )
        shown = found["authored", "all"].compared[0].differences[name]
        page.held(
            shown.verdict == "improved",
            f"With `{recipe}.toml`, `{name}` must be `improved` on authored cases",
            f"`{shown.verdict}`",
        )
    for name in ("timing.recall", "timing.restraint", "guard.stops"):
        for kind in kinds:
            other = found[kind, "all"].compared[0].differences[name]
            page.held(
                other.verdict != "regressed",
                f"With `{recipe}.toml`, `{name}` must not be `regressed` on {kind} cases",
                f"`{other.verdict}`",
            )


def write(kinds: dict[str, Judged], trainings: list[tuple[str, int]], records: list[dict[str, Any]]) -> None:
    """Write the page. If a target is missed, the program ends with code 1.

    Args:
        kinds: The base and the adapters, judged on each kind of cases.
        trainings: Recipe and seed of each adapter, in the same order.
        records: Training record of each adapter, in the same order.
    """
    page = Page(HEAD)
    names = ["pocket", *(name for name, _ in trainings)]
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "trl", "peft"))
    page.text.append(f"Measured with {packages}, and Python {platform.python_version()} on {platform.machine()}.\n")
    rows = []
    for kind, judged in kinds.items():
        for part, wanted in parts().items():
            for metric in PRIMARY:
                scores = [figure_of(metric, [row for row in side.grades if wanted(row)]) for side in judged]
                if not scores[0].n or (part != "all" and metric.id not in ("selection.tool", "validity.call")):
                    continue
                by = {
                    name: [figure.score for figure, other in zip(scores, names, strict=True) if other == name]
                    for name in ("pocket", *COMPARED)
                }
                cells = [percents(by[name]) for name in by]
                rows.append([kind, part, f"`{metric.id}`", str(scores[0].n), *cells])
    page.section(
        "Three seeds",
        f"The table shows the median [smallest, largest] over the training seeds {', '.join(map(str, SEEDS))}. n is "
        "the number of cases.",
        ["cases", "tools", "metric", "n", "`pocket`", "`tutorial.toml`", "`lora.toml`"],
        rows,
    )
    read = [
        [name, spread([one["tokens"] / 1000 for one in group], 0), spread([one["losses"]["loss"] for one in group], 2)]
        for name in RECIPES
        if (group := [one for one, (other, _) in zip(records, trainings, strict=True) if other == name])
    ]
    page.section(
        "Number of training tokens",
        "The table counts the tokens of all conversations in a training. Some conversations of a step begin with the "
        "same tokens (a shared prefix). The trainer computes these tokens only once, but the table counts them for "
        "each conversation.",
        ["recipe", "thousands of tokens", "last loss"],
        read,
    )
    for name, title in CHANGE.items():
        place = 1 + trainings.index((name, read_recipe(RECIPES[name]).seed))
        changes(page, title, name, {kind: pair(one, place) for kind, one in kinds.items()})
    page.text.append(LEARNT)
    page.finish(OUT)


def main() -> None:
    """Train, judge and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for intermediate files")
    parser.add_argument("--answer", metavar="CASES", help="only let one candidate answer these cases")
    parser.add_argument("--adapter", default="", help="the adapter that answers; empty for the base")
    parser.add_argument("--dialect")
    asked = parser.parse_args()
    work: Path = asked.work.absolute()
    work.mkdir(parents=True, exist_ok=True)
    if asked.answer:
        adapters = (asked.adapter,) if asked.adapter else ()
        evaluation(asked.answer, adapters, asked.dialect, work).run(logs=False)
        return
    assert set(METRICS) >= {"selection.tool", "validity.call"}
    recipes = {name: read_recipe(path) for name, path in RECIPES.items()}
    ours, cases = recipes["lora"], template_cases(work)
    data = {name: data_of(recipes[name], work / f"data-{name}") for name in CHANGE}
    wanted = [(name, seed) for name in COMPARED for seed in SEEDS]
    wanted += [(name, recipes[name].seed) for name in CHANGE if name not in COMPARED]
    with ThreadPoolExecutor(2) as lanes:
        made = [
            lanes.submit(trained, recipes[name], data.get(name, data["lora"]), seed, work / f"{name}-{seed}")
            for name, seed in wanted
        ]
    adapters = [one.result() for one in made]
    records = [json.loads((adapter / RECORD_FILE).read_text()) for adapter in adapters]
    kinds = {
        "authored": judged(shipped_cases(), adapters, ours.dialect, work),
        "template": judged(str(cases), adapters, ours.dialect, work),
    }
    write(kinds, wanted, records)


if __name__ == "__main__":
    main()
