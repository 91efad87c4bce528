"""The summary in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmark.verdicts.comparison import Comparison, Row
from reports.tables import Cells, cells

__all__ = ["Terminal"]


class Terminal:
    """Draws primary metrics, then what explains them, then the causes of failure."""

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
        secondary = [
            row for row in comparison.rows if row.level == "secondary" and any(figure.n for figure in row.figures)
        ]
        for title, rows in (("primary metrics", primary), ("what explains them", secondary)):
            console.print(_table(title, comparison, rows))
        for column in comparison.columns:
            causes = ", ".join(
                f"{cause} {count}" for cause, count in sorted(column.causes.items(), key=lambda item: -item[1])
            )
            console.print(f"{column.name}: causes of failure: {causes or 'none'}")
        console.print("intervals: 95%, uncorrected", style="dim")


def _table(title: str, comparison: Comparison, rows: Sequence[Row]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    table.add_column("metric", no_wrap=True)
    table.add_column("meaning", style="dim")
    for column in comparison.columns:
        table.add_column("n", justify="right")
        table.add_column(column.name, justify="right", no_wrap=True)
        table.add_column("95% interval", justify="right", no_wrap=True)
    for row in rows:
        drawn: list[Cells] = [cells(row, figure) for figure in row.figures]
        table.add_row(
            row.metric, row.meaning, *(text for cell in drawn for text in (cell.n, cell.score, cell.interval))
        )
    return table
