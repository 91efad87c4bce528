"""Prints the summary of a comparison to the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from toolmark.benchmark.core.printing import console
from toolmark.benchmark.scoring.metrics import MetricInfo
from toolmark.benchmark.verdicts.comparison import Comparison, ContestantResult
from toolmark.reports.sentences import curve_sentence, recipe_sentences, timing_notes
from toolmark.reports.tables import cells, difference_cells

__all__ = ["Terminal"]

_COLOURS = {"regressed": "red", "missing": "red", "improved": "green", "equivalent": "green"}


class Terminal:
    """Prints primary metrics, differences with their verdicts, secondary metrics, and causes of failure."""

    name = "terminal"
    suffixes: Sequence[str] = ()

    def render(self, comparison: Comparison, out: Path | None) -> None:
        """Print the summary to the terminal, or write the same text to `out`."""
        if out is None:
            self._draw(comparison, console())
            return
        with out.open("w", encoding="utf-8") as stream:
            self._draw(comparison, console(file=stream))

    def _draw(self, comparison: Comparison, console: Console) -> None:
        figures = [figure for one in comparison.contestants for figure in one.figures.items()]
        shown = {metric for metric, figure in figures if figure.n}
        secondary = [metric for metric in comparison.metrics if metric.level == "secondary" and metric.id in shown]
        wide = _width(comparison, [*comparison.primary, *secondary]) <= console.width
        scores = _side_by_side if wide else _stacked
        console.print(scores("primary metrics", comparison, comparison.primary))
        for contestant in comparison.compared:
            console.print(_differences(comparison, contestant))
            if curve := curve_sentence(contestant):
                console.print(f"{curve.label}: {curve.text}", style=_COLOURS.get(curve.verdict))
            for mismatch in contestant.unfair:
                values = f"{mismatch.candidate}, and {mismatch.baseline} in the baseline"
                text = f"{mismatch.kind}: {mismatch.field} is {values}"
                console.print(text, style="red" if mismatch.kind == "identity" else "yellow")
        for recipe in comparison.recipes:
            count = len(recipe.trainings)
            console.print(f"this recipe: {recipe.name}, {count} trainings. The tables above are about single adapters.")
            console.print("The checks look at these verdicts:")
            for sentence in recipe_sentences(recipe):
                console.print(f"{sentence.metric}: {sentence.text}", style=_COLOURS.get(sentence.verdict))
        for contestant in comparison.contestants:
            if contestant.unproven:
                console.print(f"{contestant.name}: {contestant.unproven}", style="yellow")
            for note in timing_notes(contestant):
                console.print(f"{contestant.name}: {note}")
        console.print(scores("secondary metrics", comparison, secondary))
        for contestant in comparison.contestants:
            ordered = sorted(contestant.causes.items(), key=lambda item: -item[1])
            causes = ", ".join(f"{cause} {count}" for cause, count in ordered)
            console.print(f"{contestant.name}: causes of failure: {causes or 'none'}")
            cost = ", ".join(f"{mistake} {count}" for mistake, count in sorted(contestant.forgiven.items()))
            if cost:
                console.print(f"{contestant.name}: right only in the lenient reading, by mistake: {cost}")
        console.print("intervals: 95%, uncorrected; p: exact sign-flip test, adjusted by Holm", style="dim")


def _table(title: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    table.add_column("metric", no_wrap=True)
    return table


def _side_by_side(title: str, comparison: Comparison, metrics: Sequence[MetricInfo]) -> Table:
    table = _table(title)
    table.add_column("meaning", style="dim")
    for contestant in comparison.contestants:
        table.add_column("n", justify="right")
        table.add_column(contestant.name, justify="right", no_wrap=True)
        table.add_column("95% interval", justify="right", no_wrap=True)
    for metric in metrics:
        drawn = [cells(contestant.figures[metric.id], metric.unit) for contestant in comparison.contestants]
        table.add_row(metric.id, metric.meaning, *(text for cell in drawn for text in cell))
    return table


def _width(comparison: Comparison, metrics: Sequence[MetricInfo]) -> int:
    """Return the smallest width, in characters, with which `_side_by_side` cuts no cell.

    Only the cells with the meaning of a metric are allowed to be wrapped.
    """
    gap = 2
    names = max((len(metric.id) for metric in metrics), default=0)
    words = max((len(word) for metric in metrics for word in metric.meaning.split()), default=0)
    whole = names + gap + words
    for contestant in comparison.contestants:
        drawn = [cells(contestant.figures[metric.id], metric.unit) for metric in metrics]
        heads = ("n", contestant.name, "95% interval")
        whole += sum(gap + max(len(head), *(len(cell[place]) for cell in drawn), 0) for place, head in enumerate(heads))
    return whole


def _stacked(title: str, comparison: Comparison, metrics: Sequence[MetricInfo]) -> Table:
    """Return a table with one line for each metric and contestant, for contestants that do not fit side by side."""
    table = _table(title)
    table.add_column("candidate", overflow="fold")
    for head in ("n", "score", "95% interval"):
        table.add_column(head, justify="right", no_wrap=True)
    for metric in metrics:
        for index, contestant in enumerate(comparison.contestants):
            drawn = cells(contestant.figures[metric.id], metric.unit)
            table.add_row("" if index else metric.id, contestant.name, *drawn)
    return table


def _differences(comparison: Comparison, contestant: ContestantResult) -> Table:
    table = _table(f"{contestant.name} against {contestant.baseline}")
    for head in ("n", "points", "95% interval", "cases", "p"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column(f"verdict (margin {comparison.margin * 100:g})")
    for metric, difference in contestant.differences.items():
        table.add_row(metric, *difference_cells(difference), style=_COLOURS.get(difference.verdict))
    return table
