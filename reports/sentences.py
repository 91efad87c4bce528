"""Writes a comparison in words: a sentence for each metric, and a headline for each contestant."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from toolmark.benchmark.scoring.call_scores import SOURCES
from toolmark.benchmark.scoring.metric_sets import label
from toolmark.benchmark.scoring.metrics import AT_RESTRAINT, AUROC
from toolmark.benchmark.verdicts.comparison import ContestantResult
from toolmark.benchmark.verdicts.recipe_verdicts import RecipeResult
from toolmark.benchmark.verdicts.verdict import Difference, Verdict
from toolmark.reports.tables import difference_cells, recipe_cells

__all__ = ["Sentence", "curve_sentence", "headline", "recipe_sentences", "sentences", "timing_notes"]

_ORDER: tuple[Verdict, ...] = ("regressed", "missing", "improved", "equivalent", "inconclusive")


class Sentence(NamedTuple):
    """The sentence about one metric of a contestant.

    Attributes:
        suite: Suite of the metric.
        metric: Id of the metric.
        label: Label of the metric.
        verdict: The verdict.
        text: The sentence.
    """

    suite: str
    metric: str
    label: str
    verdict: str
    text: str


def _sentence(difference: Difference) -> str:
    cells = difference_cells(difference)
    match difference.verdict:
        case "improved" | "regressed":
            by = cells.effect.lstrip("+−-")
            within = ", within the margin" if difference.within_margin else ""
            return f"{difference.verdict} by {by} points {cells.interval}{within}"
        case "equivalent":
            return f"equivalent: {cells.effect} points {cells.interval}"
        case "missing":
            return f"missing: {difference.reason}"
        case _ if difference.reason:
            return f"inconclusive: {difference.reason}"
        case _ if difference.minimum_detectable is None:
            return (
                f"inconclusive: {cells.effect} points {cells.interval}; with so few cases no difference can be detected"
            )
        case _:
            detectable = f"the minimum detectable effect is {difference.minimum_detectable * 100:.1f} points"
            return f"inconclusive: {cells.effect} points {cells.interval}; {detectable}"


def sentences(contestant: ContestantResult) -> list[Sentence]:
    """Return a sentence for each primary metric, and one about the timing curve if there is a curve.

    If the contestant has no baseline, the list is empty.
    """
    found = [
        Sentence(metric.partition(".")[0], metric, label(metric), difference.verdict, _sentence(difference))
        for metric, difference in contestant.differences.items()
    ]
    curve = curve_sentence(contestant)
    return found if curve is None else [*found, curve]


def curve_sentence(contestant: ContestantResult) -> Sentence | None:
    """Return the sentence about the timing curve. None if there is no difference from a baseline."""
    difference = contestant.difference(AUROC.id)
    if contestant.timing is None or difference is None:
        return None
    text = f"{contestant.timing.sentence}; area {_sentence(difference)}" if difference.n else _sentence(difference)
    return Sentence("timing", AUROC.id, AUROC.label, difference.verdict, text)


def timing_notes(contestant: ContestantResult) -> list[str]:
    """Return how the figures of the timing curve were computed: a source that is not the usual one, and a threshold."""
    curve = contestant.timing
    if curve is None:
        return []
    notes = [f"{AUROC.id} comes from the {SOURCES[curve.source]}"] if curve.source != "probability" else []
    if at := curve.at_restraint:
        notes.append(f"{AT_RESTRAINT.id} uses the threshold {at.threshold:g}, fitted on {at.fitted_on}")
    return notes


def recipe_sentences(recipe: RecipeResult) -> list[Sentence]:
    """Return a sentence for each primary metric about a recipe with several trainings."""
    found = []
    for metric, one in recipe.differences.items():
        cells = recipe_cells(one)
        text = (
            f"{one.verdict}: {cells.effect} points {cells.interval}, p {cells.p}; standard deviation between trainings "
            f"{cells.between} points"
        )
        text = f"{text}; {one.reason}" if one.reason else text
        found.append(Sentence(metric.partition(".")[0], metric, label(metric), one.verdict, text))
    return found


def headline(of: ContestantResult | RecipeResult) -> str:
    """Return the number of metrics with each verdict of a contestant or a recipe, in words. The worst comes first.

    Example: "2 regressed, 1 improved, 3 inconclusive".
    """
    counts = Counter(difference.verdict for difference in of.differences.values())
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in _ORDER if counts[verdict])
