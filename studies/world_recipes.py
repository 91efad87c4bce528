"""Measures what training on conversations of several turns changes, and writes docs/measurements/world-recipes.md.

    python -m studies.world_recipes --work DIR [--recipes pocket-worlds smollm2-worlds]

For each recipe, the program makes the data and trains the adapter. Then the base and the adapter hold the same
conversations:

- generated scenarios: the test scenarios of the recipe's own data. Their states have names, and their users use
  wordings, that are not in the training conversations.
- authored scenarios: the shipped scenarios of the test split, which were written by hand.

Policies answer the authored scenarios, too.

Data, adapters and runs that are already in DIR are used again.
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from studies.page import Page, points, score
from studies.recipes import ROOT, data_of, trained
from toolmark.benchmark.candidates.recipes import Recipe, read_recipe
from toolmark.benchmark.core.progress import phases_shown
from toolmark.benchmark.data.record import WrittenRecord
from toolmark.benchmark.data.shipped_cases import shipped_cases
from toolmark.benchmark.evaluation.evaluate import Evaluation
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.scoring.conversation_grades import ConversationGrade
from toolmark.benchmark.scoring.conversation_metrics import CONVERSATION_PRIMARY
from toolmark.benchmark.verdicts.comparison import Side, compare_sides

OUT = ROOT / "docs" / "measurements" / "world-recipes.md"
RECIPES = ("pocket-worlds", "smollm2-worlds")
LIMIT = 240
"""Highest number of scenarios of each kind."""
IMPROVED = ("conversation.success", "conversation.turn")
"""At least one of these metrics must improve on generated scenarios."""
POLICIES = ("oracle", "never", "first", "uniform", "lexical")

HEAD = """# Measurements of the recipes for conversations

Written by `python -m studies.world_recipes --work DIR`. Scores are in per cent. Differences are in percentage points.
The brackets contain the 95% interval of the paired difference. Decoding is greedy. *Generated* scenarios are the test
scenarios of the recipe's own data. Their names and wordings are not in the training conversations. *Authored* scenarios
were written by hand. n is the number of scenarios.
"""

ABOUT_ALL = """The table shows the scores with their 95% intervals. `policy/oracle` makes the calls and gives the
answers of the gold. `policy/never` calls nothing. The other policies make one call in each turn, and then answer."""

KINDS: dict[str, Callable[[ConversationGrade], bool]] = {
    "all": lambda _: True,
    "nothing": lambda grade: "nothing" in grade.tags["kinds"],
    "recover": lambda grade: "recover" in grade.tags["kinds"],
    "missing": lambda grade: "missing" in grade.tags["kinds"],
    "none of these": lambda grade: not grade.tags["kinds"],
}


def held(recipe: Recipe, adapter: Path, cases: str, work: Path) -> list[Side]:
    """Let the base and the adapter hold conversations in the same scenarios."""
    request = Request(
        models=(recipe.base,),
        adapters=(str(adapter),),
        cases=cases,
        split="test",
        limit=LIMIT,
        dialect=recipe.dialect,
        max_tokens=recipe.trainer.options["max_tokens"],
        runs=work / "runs",
    )
    whole = Evaluation(request)
    with phases_shown():
        whole.run(logs=False)
    return [contestant.side() for contestant in whole.contestants]


def rows(kind: str, sides: Sequence[Side]) -> list[list[str]]:
    """Return the rows of one kind of scenarios: each metric, for all scenarios and for each special kind of turn."""
    found = []
    for part, wanted in KINDS.items():
        chosen = [replace(side, grades=list(filter(wanted, cast(Any, side.grades)))) for side in sides]
        if not chosen[0].grades:
            continue
        base, adapter = compare_sides(chosen).contestants
        for metric in CONVERSATION_PRIMARY:
            difference = adapter.differences[metric.id]
            scores = [one.figures[metric.id].score for one in (base, adapter)]
            if difference.interval is None or difference.effect is None or None in scores:
                continue
            shown = [f"{100 * score:.1f}" for score in scores if score is not None]
            effect = points(difference.effect, difference.interval)
            found.append([kind, part, f"`{metric.id}`", str(difference.n), *shown, effect, difference.verdict])
    return found


def measure(page: Page, name: str, work: Path) -> list[Side]:
    """Make the data and the adapter of a recipe, measure the adapter, and write its section.

    Returns:
        The base and the adapter in the authored scenarios.
    """
    recipe = read_recipe(ROOT / "trainers" / "recipes" / f"{name}.toml")
    data = data_of(recipe, work / f"data-{name}")
    adapter = trained(judged_on(recipe, data), data, recipe.seed, work / name)
    record = WrittenRecord.read(adapter)
    kinds = {"generated": str(data), "authored": shipped_cases("scenarios")}
    sides = {kind: held(recipe, adapter, cases, work) for kind, cases in kinds.items()}
    page.section(
        f"`{name}.toml`",
        "The table compares the adapter with its base, for all conversations and for each kind of turn.",
        ["scenarios", "turns", "metric", "n", "base", "adapter", "difference", "verdict"],
        [row for kind, pair in sides.items() for row in rows(kind, pair)],
    )
    page.paragraph(
        f"The base is `{recipe.base}`. The training read {record.data.conversations:,} conversations and "
        f"{record.tokens:,} tokens in {record.seconds / 60:,.0f} minutes, with "
        f"{record.options.get('threads', 1)} threads."
    )
    differences = compare_sides(sides["generated"]).compared[0].differences
    verdicts = {metric: differences[metric].verdict for metric in IMPROVED}
    page.held(
        "improved" in verdicts.values(),
        f"With `{name}.toml`, `conversation.success` or `conversation.turn` must be `improved` on generated scenarios",
        ", ".join(f"`{metric}` is `{verdict}`" for metric, verdict in verdicts.items()),
    )
    return sides["authored"]


def section_of_all(page: Page, models: Sequence[Side], work: Path) -> None:
    """Write the scores of all models and of the policies in the authored scenarios."""
    names = tuple(f"policy/{name}" for name in POLICIES)
    request = Request(models=names, cases=shipped_cases("scenarios"), split="test", runs=work / "runs")
    evaluation = Evaluation(request)
    evaluation.run(logs=False)
    table = []
    for side in (*models, *(contestant.side() for contestant in evaluation.contestants)):
        (one,) = compare_sides([replace(side, baseline=None)]).contestants
        figures = [one.figures[metric.id] for metric in CONVERSATION_PRIMARY]
        table.append([f"`{one.name}`", str(figures[0].n), *map(score, figures)])
    columns = ["candidate", "n", *(f"`{metric.id}`" for metric in CONVERSATION_PRIMARY)]
    page.section("All candidates in the authored scenarios", ABOUT_ALL, columns, table)


def judged_on(recipe: Recipe, data: Path) -> Recipe:
    """Return the recipe with the folder of its data in place of the word `data` in the option `dev`."""
    step = recipe.trainer.model_copy(update={"dev": str(data)})
    return recipe.model_copy(update={"trainer": step})


def main() -> None:
    """Measure the recipes and write the page. If a target is missed, the program ends with code 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for intermediate files")
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=RECIPES)
    asked = parser.parse_args()
    work: Path = asked.work.absolute()
    work.mkdir(parents=True, exist_ok=True)
    page = Page(HEAD)
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "trl", "peft"))
    page.text.append(f"Measured with {packages}, and Python {platform.python_version()} on {platform.machine()}.\n")
    section_of_all(page, [side for name in asked.recipes for side in measure(page, name, work)], work)
    page.finish(OUT)


if __name__ == "__main__":
    main()
