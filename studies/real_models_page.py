"""Writes docs/measurements/real-models.md from the recorded answers of `studies.real_models`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median

from studies.page import Page, shown, spread
from studies.recipes import ROOT, SEEDS, parts, percents
from toolmark.benchmark.evaluation.evaluate import Evaluation
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.scoring.metrics import PRIMARY
from toolmark.benchmark.verdicts.comparison import ContestantResult, Side, compare_sides
from toolmark.benchmark.verdicts.figure import Figure

__all__ = ["CASES", "MODELS", "REPLAYS", "recording", "write_page"]

OUT = ROOT / "docs" / "measurements" / "real-models.md"
REPLAYS = ROOT / "docs" / "replays" / "real-models"

MODELS = {"smollm2": "SmolLM2-135M-Instruct", "gemma-270m": "Gemma 3 270M"}
"""The models: a mapping from the name of the recipe to the name in tables."""

CASES: Mapping[str, tuple[str, int | None]] = {
    "authored": ("authored", 500),
    "generated": ("generated", 300),
    "unseen": (str(Path(__file__).parent / "unseen"), None),
}
"""For each kind of cases: the value of `--cases`, and the value of `--limit`."""

TITLES = {
    "base": "base",
    "tutorial-trl": "the tutorial's recipe with TRL",
    "tutorial": "the tutorial's recipe with Toolmark",
    "own": "own recipe",
}

SCORES, DIFFERENCES, COSTS = "{}: scores", "{}: differences from the base", "What the trainings cost"
AGAINST = "{}: our own recipe against the tutorial's recipe with Toolmark"
COLUMNS = ("metric", "adapter", "n", "difference", "detectable")

HEAD = """# Real models before and after a training

Written by `python -m studies.real_models`. Scores are in per cent. Decoding is greedy, in float32. Each model answers
three kinds of cases:

- *authored*: a stratified sample of 500 of the 1,125 hand-written test cases.
- *generated*: a stratified sample of 300 of the shipped generated cases. The training data has the same tools, and
  questions of the same style.
- *unseen*: generated cases for the eight held-out tools, which are not in the training data.

Our own recipe was trained with several seeds. For this recipe, the tables of scores show the median [smallest, largest]
over the seeds. Differences are in percentage points, with the 95% interval of the paired difference and the verdict.
The column `detectable` shows the smallest difference that the test finds in n cases with a probability of 80%. All
trainings used one or two threads of a processor. Other programs ran at the same time. So on an idle machine, a training
takes fewer minutes.

The answers are in [docs/replays/real-models](../replays/real-models). To judge the answers again:

    toolmark eval --model replay/docs/replays/real-models/authored-smollm2-own-1.jsonl.gz \\
        --baseline replay/docs/replays/real-models/authored-smollm2-base.jsonl.gz --limit 500
"""

CANDIDATES = ("base", "tutorial-trl", "tutorial", *(f"own-{seed}" for seed in SEEDS))
"""The candidates of each model, in the order of the tables."""

LEARNT = """## What limits the own recipe

The adapter of SmolLM2 with seed 1 shows two limits on the authored cases.

- **The adapter calls too often.** The base almost never calls. So the base abstains in 94.7% of the cases that need no
  call, but also in 99.4% of the cases that need a call. Such a base does not decide when to call, so every training
  that teaches calls lowers this restraint. The adapter abstains in 28 of 28 cases with the reason `already_answered`,
  and in 58 of 71 cases with `no_tool_needed`. But it abstains only in 14 of 42 cases with `no_tool_fits`, and in 5 of
  28 cases with `missing_argument`.
- **The adapter chooses the wrong tool if many tools are offered.** With one tool, the adapter chooses the right tool in
  84.2% of 19 cases. With ten tools, this share is 35.0% of 80 cases, and with forty tools 11.3% of 62 cases. The
  training data offers at most ten tools.

The adapter of the tutorial's recipe chooses the right tool about as often: in 108 of 331 cases, and the adapter of our
own recipe in 117. But the tutorial's recipe trains only on easy calls and on conversations that need no tool. So its
adapter abstains in 1 of 42 cases with `no_tool_fits`, and in 2 of 28 cases with `missing_argument`. Our own recipe
teaches these cases, and its restraint is better with all three seeds: +17.2 to +26.0 points on authored cases, and
+23.9 to +45.7 on generated cases. But on generated cases, it also calls less often when a call is right: recall is
worse with two of three seeds, and whole calls with one.

Two other recipes were tried with SmolLM2, and judged on dev cases. The first had half as many conversations. The second
offered up to forty tools, and had 1,528 conversations: on 80 authored dev cases, its adapter chose the right tool in
26.0% of 50 cases, and the adapter of this recipe in 42.0%. Its restraint was 70.0% of 30 cases, and that of this recipe
63.3%. So with this model and these minutes of training, more tools cost more than they teach.

A [threshold for calls](timing-training.md) corrects most of the lost restraint without a training, but it also takes
away a part of the recall.

## What was not measured

- **The tutorial's recipe with TRL** has 162 steps. On a processor with bfloat16, a step took 74 to 95 seconds beside
  another program. So the training needs more than three hours. It was stopped after 10 steps.
- **Gemma 3 270M** was trained with our recipe and one seed, with 1,329 conversations. On 60 authored dev cases, the
  adapter chose the right tool in 48.7% of 39 cases, and 30.8% of the calls were right. Its restraint was 61.9% of 21
  cases. The base often writes until the token limit, so it needs more than an hour for 500 cases. The test cases were
  not answered.
"""


def recording(kind: str, model: str, candidate: str) -> Path:
    """Return the file with the answers of a candidate to one kind of cases."""
    return REPLAYS / f"{kind}-{model}-{candidate}.jsonl.gz"


Judged = Mapping[str, Side]
"""The judged answers of a model's candidates to one kind of cases: the base, and then each adapter, by name."""


def judged(kind: str, model: str) -> Judged | None:
    """Judge the recorded answers of a model to one kind of cases. Return None if there is nothing to compare."""
    cases, limit = CASES[kind]
    found = {name: str(path) for name in CANDIDATES if (path := recording(kind, model, name)).exists()}
    if "base" not in found or len(found) == 1:
        return None
    baseline, *adapters = found.values()
    evaluation = Evaluation(Request(models=tuple(adapters), baseline=baseline, cases=cases, limit=limit))
    evaluation.run(logs=False)
    return {name: one.side() for name, one in zip(found, evaluation.contestants, strict=True)}


def _shown(result: ContestantResult, metric: str) -> tuple[str, str, str]:
    """Return n, the difference in points with its interval and verdict, and the smallest detectable difference."""
    found = result.differences[metric]
    smallest = "n/a" if found.minimum_detectable is None else f"{100 * found.minimum_detectable:.1f}"
    return str(found.n), shown(found), smallest


def model_sections(page: Page, model: str, kinds: Mapping[str, Judged]) -> None:
    """Write the sections of one model: scores, differences, and the aims."""
    names = list(dict.fromkeys(name for one in kinds.values() for name in one))
    columns = list(dict.fromkeys("own" if name.startswith("own") else name for name in names))
    score_rows, difference_rows = [], []
    for kind, one in kinds.items():
        for part in parts() if kind == "authored" else ("all",):
            results = _compared(one, part)
            group = kind if part == "all" else f"{kind}, {part}"
            for metric in PRIMARY:
                figures = {name: result.figures[metric.id] for name, result in results.items()}
                if not figures["base"].n or (part != "all" and metric.id not in ("selection.tool", "validity.call")):
                    continue
                scores = [_percents(figures, column) for column in columns]
                score_rows.append([group, f"`{metric.id}`", str(figures["base"].n), *scores])
                for name, result in results.items():
                    if name != "base":
                        difference_rows.append([group, f"`{metric.id}`", _title(name), *_shown(result, metric.id)])
    page.section(
        SCORES.format(MODELS[model]),
        "",
        ["cases", "metric", "n", *(TITLES[column] for column in columns)],
        score_rows,
    )
    page.section(
        DIFFERENCES.format(MODELS[model]),
        "",
        ["cases", *COLUMNS],
        difference_rows,
    )
    _against_tutorial(page, model, kinds)
    _aims(page, kinds)


def _against_tutorial(page: Page, model: str, kinds: Mapping[str, Judged]) -> None:
    """Write the section that compares the own recipe with the tutorial's recipe, if both have answered."""
    rows = []
    for kind, one in kinds.items():
        own = {name: side for name, side in one.items() if name.startswith("own")}
        tutorial = one.get("tutorial")
        if tutorial is None or not own:
            continue
        sides = {name: replace(side, baseline=tutorial.name) for name, side in own.items()}
        compared = _compared({"tutorial": replace(tutorial, baseline=None), **sides}, "all")
        rows += [
            [kind, f"`{metric.id}`", _title(name), *_shown(compared[name], metric.id)]
            for metric in PRIMARY
            for name in own
        ]
    if rows:
        page.section(AGAINST.format(MODELS[model]), "", ["cases", *COLUMNS], rows)


def _title(name: str) -> str:
    return f"{TITLES['own']} (seed {name.removeprefix('own-')})" if name.startswith("own") else TITLES[name]


def _percents(figures: Mapping[str, Figure], column: str) -> str:
    """Return the score of a candidate, or the scores of all seeds of the own recipe."""
    names = [name for name in figures if name == column or (column == "own" and name.startswith("own"))]
    return percents([figures[name].score for name in names])


AIMS = (
    ("authored", "all", "selection.tool", 25.0),
    ("authored", "all", "validity.call", 15.0),
    ("authored", "all", "timing.restraint", None),
    ("authored", "all", "guard.stops", None),
    ("authored", "unseen tools", "selection.tool", 0.0),
    ("generated", "all", "validity.call", 40.0),
)
"""The aims of the own recipe: cases, tools, metric, and the smallest gain in points. None: not `regressed`."""


def _aims(page: Page, kinds: Mapping[str, Judged]) -> None:
    """Write for each aim whether the own recipe reaches it. All seeds must have the right verdict."""
    for kind, part, metric, gain in AIMS:
        if kind not in kinds:
            continue
        compared = _compared(kinds[kind], part)
        seeds = [one.differences[metric] for name, one in compared.items() if name.startswith("own")]
        gains = [100 * one.effect for one in seeds if one.effect is not None]
        if not gains:
            continue
        verdicts = {one.verdict for one in seeds}
        where = f"`{metric}` on {kind} cases" + ("" if part == "all" else f" with {part}")
        if gain is None:
            target, met = f"{where} must not be `regressed`", "regressed" not in verdicts
        else:
            target = f"{where} must be `improved`" + (f", and gain at least {gain:g} points" if gain else "")
            met = verdicts == {"improved"} and median(gains) >= gain
        said = ", ".join(f"`{one.verdict}`" for one in seeds)
        page.held(met, target, f"{spread(gains)} points, {said}")


def _compared(one: Judged, part: str) -> dict[str, ContestantResult]:
    """Return the figures of all candidates on a part of the cases, by name."""
    wanted = parts()[part]
    sides = [replace(side, grades=[row for row in side.grades if wanted(row)]) for side in one.values()]
    return dict(zip(one, compare_sides(sides).contestants, strict=True))


def write_page(trainings: Mapping[str, Mapping[str, float]]) -> None:
    """Write the page from the recorded answers. If a target is missed, the program ends with code 1.

    Args:
        trainings: What each training cost, by model and candidate: `seconds`, `tokens` and `peak_bytes`.
    """
    page = Page(HEAD)
    for model in MODELS:
        kinds = {kind: one for kind in CASES if (one := judged(kind, model)) is not None}
        if kinds:
            model_sections(page, model, kinds)
        else:
            page.paragraph(f"{MODELS[model]} was not measured yet.")
            continue
        missing = [
            f"{kind} cases: {'; '.join(lacking)}"
            for kind in CASES
            if (lacking := [_title(name) for name in CANDIDATES if not recording(kind, model, name).exists()])
        ]
        if missing:
            page.paragraph("\n".join([f"{MODELS[model]}, not measured yet:\n", *(f"- {one}" for one in missing)]))
    page.text.append(LEARNT)
    rows = []
    for name, cost in trainings.items():
        model = next(one for one in MODELS if name.startswith(f"{one}-"))
        memory = f"{cost['peak_bytes'] / 1e6:,.0f}" if "peak_bytes" in cost else "n/a"
        minutes, tokens = f"{cost['seconds'] / 60:.0f}", f"{cost['tokens'] / 1000:,.0f}"
        rows.append([MODELS[model], _title(name.removeprefix(f"{model}-")), minutes, tokens, memory])
    if rows:
        page.section(COSTS, "", ["model", "adapter", "minutes", "thousands of tokens", "peak MB"], rows)
    page.finish(OUT)
