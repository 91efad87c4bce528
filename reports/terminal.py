"""The summary in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from toolmark.benchmark.verdicts.comparison import Comparison, Row
from toolmark.reports.tables import cells, difference_cells

__all__ = ["Terminal"]

_COLOURS = {"regressed": "red", "missing": "red", "improved": "green", "equivalent": "green"}


class Terminal:
    """Draws the primary metrics, each difference with its verdict, what explains them, and the causes of failure."""

    name = "terminal"
    suffixes: Sequence[str] = ()

    def render(self, comparison: Comparison, out: Path | None) -> None:
        """Print to the terminal, or write the same text to `out`."""
        if out is None:
            self._draw(comparison, Console(markup=False, highlight=False))
            return
        with out.open("w", encoding="utf-8") as stream:
            self._draw(comparison, Console(file=stream, width=160, markup=False, highlight=False))

    def _draw(self, comparison: Comparison, console: Console) -> None:
        primary = [row for row in comparison.rows if row.level == "primary"]
        secondary = [row for row in comparison.rows if row.level == "secondary" and any(f.n for f in row.figures)]
        scores = _scores if _width(comparison, [*primary, *secondary]) <= console.width else _stacked
        console.print(scores("primary metrics", comparison, primary))
        for index, column in enumerate(comparison.columns):
            if column.baseline is not None:
                console.print(_differences(index, comparison, primary))
                for found in column.unfair:
                    said = f"{found.kind}: {found.field} is {found.candidate}, and {found.baseline} in the baseline"
                    console.print(said, style="red" if found.kind == "identity" else "yellow")
        for column in comparison.columns:
            if column.unproven:
                console.print(f"{column.name}: {column.unproven}", style="yellow")
        console.print(scores("what explains them", comparison, secondary))
        for column in comparison.columns:
            ordered = sorted(column.causes.items(), key=lambda item: -item[1])
            causes = ", ".join(f"{cause} {count}" for cause, count in ordered)
            console.print(f"{column.name}: causes of failure: {causes or 'none'}")
        console.print("intervals: 95%, uncorrected; p: exact sign-flip test, adjusted by Holm", style="dim")


def _table(title: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    table.add_column("metric", no_wrap=True)
    return table


def _scores(title: str, comparison: Comparison, rows: Sequence[Row]) -> Table:
    table = _table(title)
    table.add_column("meaning", style="dim")
    for column in comparison.columns:
        table.add_column("n", justify="right")
        table.add_column(column.name, justify="right", no_wrap=True)
        table.add_column("95% interval", justify="right", no_wrap=True)
    for row in rows:
        drawn = [cells(row, figure) for figure in row.figures]
        table.add_row(row.metric, row.meaning, *(text for cell in drawn for text in cell))
    return table


def _width(comparison: Comparison, rows: Sequence[Row]) -> int:
    """The fewest columns in which `_scores` cuts nothing: the meaning alone may be broken, word by word."""
    gap = 2
    names = max((len(row.metric) for row in rows), default=0)
    words = max((len(word) for row in rows for word in row.meaning.split()), default=0)
    whole = names + gap + words
    for index, column in enumerate(comparison.columns):
        drawn = [cells(row, row.figures[index]) for row in rows]
        heads = ("n", column.name, "95% interval")
        whole += sum(gap + max(len(head), *(len(cell[place]) for cell in drawn), 0) for place, head in enumerate(heads))
    return whole


def _stacked(title: str, comparison: Comparison, rows: Sequence[Row]) -> Table:
    """A line a metric and candidate, where they do not fit beside one another."""
    table = _table(title)
    table.add_column("candidate", overflow="fold")
    for head in ("n", "score", "95% interval"):
        table.add_column(head, justify="right", no_wrap=True)
    for row in rows:
        for index, (column, figure) in enumerate(zip(comparison.columns, row.figures, strict=True)):
            table.add_row("" if index else row.metric, column.name, *cells(row, figure))
    return table


def _differences(index: int, comparison: Comparison, rows: Sequence[Row]) -> Table:
    column = comparison.columns[index]
    base = comparison.columns[column.baseline or 0]
    table = _table(f"{column.name} against {base.name}")
    for head in ("n", "points", "95% interval", "cases", "p"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column(f"verdict (margin {comparison.margin * 100:g})")
    for row in rows:
        difference = row.differences[index]
        if difference is not None:
            drawn = difference_cells(difference)
            table.add_row(row.metric, *drawn, style=_COLOURS.get(difference.verdict))
    return table
