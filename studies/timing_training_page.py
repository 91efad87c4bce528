"""Writes docs/measurements/timing-training.md: the candidates of `studies.timing_training` in one comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from studies.page import Page, percent, points, spread
from studies.recipes import ROOT, percents
from studies.rollout_speed import RolloutSpeed
from studies.threshold_speed import ThresholdSpeed
from studies.timing_training_lessons import LEARNT
from studies.wrong_rewards import section_of_wrong_rewards
from toolmark.benchmark.data.record import WrittenRecord
from toolmark.benchmark.scoring.metrics import AUROC, PRIMARY
from toolmark.benchmark.verdicts.comparison import Comparison, ContestantResult, Side, compare_sides
from toolmark.benchmark.verdicts.recipe_verdicts import RecipeDifference
from toolmark.benchmark.verdicts.verdict import Difference

__all__ = ["COMPARED_RECIPES", "KINDS", "SUBJECTS", "Candidates", "Measured", "Subject", "write_page"]

OUT = ROOT / "docs" / "measurements" / "timing-training.md"
SLOWER = 1.05
"""Target for the processor time of answers with a threshold, divided by the time without."""
FASTER = 3
"""Target for TRL's processor time of sampling, divided by Toolmark's."""
KINDS = ("authored", "generated")
"""The kinds of cases: values of `--cases`."""
COMPARED_RECIPES = ("dpo", "grpo")

SCORES, FROM_BASE, FROM_LORA = "{}: scores", "{}: differences from the base", "{}: differences from the LoRA adapter"
CURVES = "{}: timing curves, compared with the LoRA adapter"
TRAININGS, SPEED, ROLLOUTS = "{}: trainings", "{}: speed with a threshold", "{}: speed of sampling"

HEAD = """# Trainings that teach when to call

Written by `python -m studies.timing_training --work DIR --model MODEL`. A LoRA adapter calls tools more often than its
base. But does it know when to call? This page compares five kinds of candidates on the same cases:

- *base*: the model without an adapter.
- *LoRA*: an adapter that `toolmark train lora` trained.
- *threshold*: this adapter with the threshold for calls that `toolmark calibrate` fits on dev cases.
- *DPO*: adapters that `toolmark train dpo` trained from the LoRA adapter.
- *GRPO*: adapters that `toolmark train grpo` trained from the LoRA adapter.

For `pocket`, DPO and GRPO were trained with three seeds each. For SmolLM2, they were trained with one seed, because six
hours were planned for the trainings in these tables. The LoRA adapter of SmolLM2 is the own recipe of
[real-models.md](real-models.md) with seed 3, because the adapters with seeds 1 and 2 were not kept. The candidates of
SmolLM2 answered authored cases only.

*Authored* and *generated* cases are stratified samples of the shipped test cases. Decoding is greedy, in float32.
Scores are in per cent. With three seeds, a table shows the median [smallest, largest]. Differences are in percentage
points, with the 95% interval. With three seeds, the verdicts on DPO and GRPO are about the *recipe*: their interval
contains the chance of the cases and the chance of the training. With one seed, they are about the adapter. `between` is
the standard deviation between the trainings, in points. The trainings of a model use the same data, so the interval
does not contain the chance of the data.

By default, `toolmark calibrate` demands the restraint of the base, but at most 90%. The limit of 90% was chosen after a
result on the generated test cases: SmolLM2 almost never calls, so without the limit the threshold left a recall of 7%.
The limit does not matter for `pocket`, whose base is below 90%.

For `pocket`, two adapters were also trained by `grpo` with a wrong reward, to see whether the suites show it. Their
table uses generated cases, and a floor of 50%.

The table of the speed with a threshold compares the processor time of the same candidate with and without a threshold.
Both answer the same cases in turns, in one process. The threshold is 0.5, so most answers are the same. The last table
of a model compares the processor time of sampling the answers of one step of `grpo`: by Toolmark's engine, and by TRL's
trainer with `generate`. Both sample answers to the same questions in turns, in one process, in float32. With `pocket`,
the table has three steps. With SmolLM2, the program was stopped during the third step, so the table has two.
"""

NOT_MEASURED = "This model was not measured yet."


@dataclass(frozen=True, slots=True)
class Subject:
    """A model whose trainings are measured.

    Attributes:
        title: Name of the model in the page.
        base: Spec of the base.
        adapter: Spec of the LoRA adapter. Empty if the recipe `lora` makes it.
        data: Name of the folder with the data of `dpo` and `grpo`.
        recipes: Names of the recipe files by trainer.
        seed: Seed of the recipe `lora`, if this recipe makes the LoRA adapter.
        wrong_rewards: Whether trainings with wrong rewards are measured, too.
        dialect: The dialect.
        max_tokens: Largest number of tokens of an answer.
    """

    title: str
    base: str
    adapter: str
    data: str
    recipes: Mapping[str, str]
    seed: int = 1
    wrong_rewards: bool = False
    dialect: str = "tagged"
    max_tokens: int = 128


SUBJECTS = {
    "pocket": Subject(
        "`pocket`, 3M parameters",
        "pocket",
        "pocket-lora",
        "data-pocket-own-answers",
        {"lora": "pocket-lora", "dpo": "pocket-dpo", "grpo": "pocket-grpo"},
        wrong_rewards=True,
    ),
    "smollm2": Subject(
        "SmolLM2-135M-Instruct",
        "smollm2-135m-instruct-q4",
        "",
        "data-smollm2",
        {"lora": "smollm2", "dpo": "smollm2-dpo", "grpo": "smollm2-grpo"},
        seed=3,
    ),
}


def _differences(result: ContestantResult) -> dict[str, Difference]:
    """Return the differences of an adapter by metric."""
    found = {metric.id: result.difference(metric.id) for metric in (*PRIMARY, AUROC)}
    return {name: one for name, one in found.items() if one is not None}


@dataclass(frozen=True, slots=True)
class Candidates:
    """The judged answers of all candidates to one kind of cases.

    Attributes:
        base: The base. The next two sides are compared with it.
        lora: The adapter from which the trainings start.
        forced: This adapter with a threshold for calls.
        trained: The trainer and the answers of each adapter that was trained on own answers.
    """

    base: Side
    lora: Side
    forced: Side
    trained: tuple[tuple[str, Side], ...]

    def against_base(self) -> Comparison:
        """Return the comparison of the first three candidates."""
        return compare_sides([self.base, self.lora, self.forced])

    def against_lora(self) -> Comparison:
        """Return the comparison with the LoRA adapter. The trainings of `dpo` are one recipe, and so are those of
        `grpo`.
        """
        start = self.lora.name
        sides = [replace(self.lora, baseline=None), replace(self.forced, baseline=start)]
        sides += [replace(side, baseline=start, recipe=recipe) for recipe, side in self.trained]
        return compare_sides(sides)

    def of(self, recipe: str, comparison: Comparison) -> list[ContestantResult]:
        """Return the results of the trainings of a recipe."""
        return [comparison[side.name] for name, side in self.trained if name == recipe]

    def recipes(self, comparison: Comparison) -> dict[str, Mapping[str, Difference | RecipeDifference]]:
        """Return the differences of each recipe from the LoRA adapter. With one training, they are those of the
        adapter.
        """
        several = {recipe.name: recipe.differences for recipe in comparison.recipes}
        names = dict.fromkeys(name for name, _ in self.trained)
        return {name: several.get(name) or _differences(self.of(name, comparison)[0]) for name in names}


def _score_rows(kind: str, found: Candidates, base: Comparison, lora: Comparison) -> list[list[str]]:
    rows = []
    for metric in (*PRIMARY, AUROC):
        first = [one.figures.get(metric.id) for one in base.contestants]
        if first[0] is None or not first[0].n:
            continue
        cells = [percents([None if figure is None else figure.score]) for figure in first]
        seeds = [[one.figures[metric.id].score for one in found.of(recipe, lora)] for recipe in COMPARED_RECIPES]
        rows.append([kind, f"`{metric.id}`", str(first[0].n), *cells, *map(percents, seeds)])
    return rows


def _base_rows(kind: str, base: Comparison) -> list[list[str]]:
    rows = []
    for title, one in zip(("LoRA", "threshold"), base.compared, strict=True):
        for metric in (*PRIMARY, AUROC):
            found = one.difference(metric.id)
            if found is not None and found.interval is not None and found.effect is not None:
                effect = points(found.effect, found.interval)
                rows.append([kind, title, f"`{metric.id}`", str(found.n), effect, str(found.verdict)])
    return rows


def _lora_rows(kind: str, found: Candidates, lora: Comparison) -> list[list[str]]:
    rows = []
    forced = lora[found.forced.name]
    for title, differences in (("threshold", _differences(forced)), *found.recipes(lora).items()):
        for name, one in differences.items():
            if one.interval is not None and one.effect is not None:
                effect = points(one.effect, one.interval)
                between = f"{100 * one.between:.1f}" if isinstance(one, RecipeDifference) else ""
                label = title if title == "threshold" else title.upper()
                rows.append([kind, label, f"`{name}`", str(one.n), effect, between, str(one.verdict)])
    return rows


def _curve_rows(kind: str, found: Candidates, lora: Comparison) -> list[list[str]]:
    titles = [
        "threshold",
        *(f"{recipe.upper()}, seed {side.name.rpartition('-')[2]}" for recipe, side in found.trained),
    ]
    shown = [one.timing.sentence if one.timing else "n/a" for one in lora.compared]
    return [[kind, title, sentence] for title, sentence in zip(titles, shown, strict=True)]


def _threshold_aim(page: Page, kind: str, base: Comparison) -> None:
    """Write whether the threshold keeps the restraint of the base and half of the gain of recall."""
    lora, forced = base.compared
    restraint = forced.differences["timing.restraint"]
    gains = [one.differences["timing.recall"].effect or 0.0 for one in (lora, forced)]
    page.held(
        restraint.verdict != "regressed" and gains[1] >= gains[0] / 2,
        f"On {kind} cases, the threshold must leave `timing.restraint` not `regressed` against the base, and keep at "
        "least half of the gain of recall",
        f"`{restraint.verdict}`, and {100 * gains[1]:+.1f} of {100 * gains[0]:+.1f} points",
    )


def _training_aim(page: Page, kind: str, found: Candidates, lora: Comparison) -> None:
    """Write whether a recipe makes timing better than the LoRA adapter, and nothing else worse."""
    if not found.trained:
        page.paragraph(f"On {kind} test cases, DPO and GRPO were not measured.")
        return
    met, said = False, []
    for recipe, differences in found.recipes(lora).items():
        verdicts = {name: one.verdict for name, one in differences.items()}
        better = "improved" in (verdicts["timing.restraint"], verdicts.get(AUROC.id))
        kept = all(verdicts[name] != "regressed" for name in ("selection.tool", "validity.call"))
        met = met or (better and kept)
        shown = ("timing.restraint", AUROC.id, "selection.tool", "validity.call")
        said.append(f"{recipe.upper()}: " + ", ".join(f"`{name}` {verdicts.get(name, 'n/a')}" for name in shown))
    page.held(
        met,
        f"On {kind} cases, DPO or GRPO must have `timing.restraint` or `timing.auroc` `improved` over the LoRA "
        "adapter, and `selection.tool` and `validity.call` not `regressed`",
        "; ".join(said),
    )


def _section_of_trainings(page: Page, title: str, records: Sequence[tuple[str, WrittenRecord]]) -> None:
    rows = []
    for recipe, record in records:
        steps = max((int(point["step"]) for point in record.curve), default=0)
        minutes, tokens = f"{record.seconds / 60:.1f}", f"{record.tokens / 1000:,.0f}"
        each = f"{record.seconds / steps:.1f}" if steps else "n/a"
        share = record.options.get("sampling_share")
        sampling = "n/a" if share is None else percent(share, 0)
        figures = [str(steps), minutes, each, sampling, tokens, str(record.chosen_step)]
        rows.append([recipe.upper(), str(record.seed), *figures])
    columns = ["recipe", "seed", "steps", "minutes", "seconds per step", "sampling", "thousands of tokens", "kept step"]
    page.section(TRAININGS.format(title), "", columns, rows)


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything that was measured of one model.

    Attributes:
        kinds: The candidates by kind of cases.
        records: The trainer and the training record of each training.
        speed: How long answers take with a threshold and without one. None if it was not measured.
        rollouts: How long the sampling of `grpo` takes. None if it was not measured.
        hacked: The answers of the adapters that wrong rewards made. Empty if they were not measured.
    """

    kinds: Mapping[str, Candidates]
    records: Sequence[tuple[str, WrittenRecord]]
    speed: ThresholdSpeed | None
    rollouts: RolloutSpeed | None
    hacked: Mapping[str, Side]


def _model_text(name: str, measured: Measured) -> Page:
    """Return the sections of one model. `Page.broken` contains the missed targets."""
    page, title, kinds = Page(""), SUBJECTS[name].title, measured.kinds
    base = {kind: found.against_base() for kind, found in kinds.items()}
    lora = {kind: found.against_lora() for kind, found in kinds.items()}
    page.section(
        SCORES.format(title),
        "",
        ["cases", "metric", "n", "base", "LoRA", "threshold", "DPO", "GRPO"],
        [row for kind, found in kinds.items() for row in _score_rows(kind, found, base[kind], lora[kind])],
    )
    page.section(
        FROM_BASE.format(title),
        "",
        ["cases", "candidate", "metric", "n", "difference", "verdict"],
        [row for kind in kinds for row in _base_rows(kind, base[kind])],
    )
    page.section(
        FROM_LORA.format(title),
        "",
        ["cases", "candidate", "metric", "n", "difference", "between", "verdict"],
        [row for kind, found in kinds.items() for row in _lora_rows(kind, found, lora[kind])],
    )
    page.section(
        CURVES.format(title),
        "",
        ["cases", "candidate", "the curve"],
        [row for kind, found in kinds.items() for row in _curve_rows(kind, found, lora[kind])],
    )
    for kind in kinds:
        _threshold_aim(page, kind, base[kind])
        _training_aim(page, kind, kinds[kind], lora[kind])
    if measured.records:
        _section_of_trainings(page, title, measured.records)
    if measured.hacked:
        section_of_wrong_rewards(page, title, kinds[KINDS[-1]].lora, measured.hacked)
    if measured.speed is not None:
        _section_of_speed(page, title, measured.speed)
    if measured.rollouts is not None:
        _section_of_rollouts(page, title, measured.rollouts)
    return page


def _section_of_speed(page: Page, title: str, speed: ThresholdSpeed) -> None:
    page.section(
        SPEED.format(title),
        "",
        ["n", "seconds per answer", "with a threshold, times", "same answers, %"],
        [[str(speed.cases), spread(speed.without, 3), spread(speed.ratios, 2), f"{100 * speed.equal:.1f}"]],
    )
    page.held(
        median(speed.ratios) <= SLOWER,
        "With a threshold, answers must take at most 1.05 times as long",
        f"{spread(speed.ratios, 2)} times",
    )


def _section_of_rollouts(page: Page, title: str, speed: RolloutSpeed) -> None:
    answers = speed.questions * speed.samples
    ours, theirs = speed.tokens
    page.section(
        ROLLOUTS.format(title),
        "",
        ["sampled by", "answers in a step", "tokens in all steps", "seconds in a step"],
        [
            ["Toolmark", str(answers), f"{ours:,}", spread(speed.ours)],
            ["TRL", str(answers), f"{theirs:,}", spread(speed.theirs)],
        ],
    )
    page.held(
        median(speed.ratios) >= FASTER,
        f"Toolmark must sample at least {FASTER} times as fast as TRL",
        f"{spread(speed.ratios)} times",
    )


def _begin(name: str) -> str:
    return f"<!-- {name} -->\n"


def _sections(written: str) -> dict[str, str]:
    """Return the text of each model in a written page. A model without a text was not measured yet."""
    found = {}
    for name, subject in SUBJECTS.items():
        nothing = f"## {subject.title}\n\n{NOT_MEASURED}\n"
        _, begin, rest = written.partition(_begin(name))
        found[name] = rest.partition("<!-- ")[0].strip("\n") + "\n" if begin else nothing
    return found


def write_page(name: str, measured: Measured) -> None:
    """Write the sections of one model, and keep those of the other models.

    If a target is missed, the program ends with code 1.

    Args:
        name: Name of the model.
        measured: Everything that was measured of this model.
    """
    page = _model_text(name, measured)
    sections = _sections(OUT.read_text(encoding="utf-8") if OUT.exists() else "")
    sections[name] = "\n".join(page.text).strip("\n") + "\n"
    _write(OUT, sections)
    page.fail_if_missed()


def _write(out: Path, sections: Mapping[str, str]) -> None:
    models = "".join(f"\n{_begin(name)}\n{text}" for name, text in sections.items())
    out.write_text(f"{HEAD}{models}\n{_begin('end')}\n{LEARNT}", encoding="utf-8")


if __name__ == "__main__":
    _write(OUT, _sections(""))
