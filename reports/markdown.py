"""The comparison as Markdown tables of its primary metrics, for a README or a pull request."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmark.verdicts.comparison import Comparison
from reports.tables import cells, difference_cells

__all__ = ["Markdown"]


class Markdown:
    """Draws the primary metrics, one row each, and one table of differences a candidate with a baseline."""

    name = "markdown"
    suffixes: Sequence[str] = (".md",)

    def render(self, comparison: Comparison, out: Path | None) -> None:
        """Append to `out`, or print."""
        text = self.text(comparison)
        if out is None:
            print(text)  # noqa: T201
        else:
            with out.open("a", encoding="utf-8") as stream:
                stream.write(text + "\n")

    def text(self, comparison: Comparison) -> str:
        """The tables, the scores first."""
        primary = [row for row in comparison.rows if row.level == "primary"]
        names = [text for column in comparison.columns for text in ("n", column.name, "95% interval")]
        scores = [
            [f"`{row.metric}`", row.meaning, *(text for figure in row.figures for text in cells(row, figure))]
            for row in primary
        ]
        tables = [_table(["metric", "what it says", *names], 2, scores)]
        for index, column in enumerate(comparison.columns):
            if column.baseline is not None:
                base = comparison.columns[column.baseline].name
                head = ["metric", f"{column.name} against {base}", "n", "points", "95% interval", "cases", "p"]
                held = [(row, row.differences[index]) for row in primary]
                drawn = [(row, difference_cells(found)) for row, found in held if found is not None]
                tables.append(_table(head, 2, [[f"`{row.metric}`", cell.verdict, *cell[:-1]] for row, cell in drawn]))
        return "\n\n".join(tables)


def _table(head: Sequence[str], left: int, rows: Sequence[Sequence[str]]) -> str:
    """A table whose first `left` columns are aligned to the left, and the others to the right."""
    align = ["---"] * left + ["--:"] * (len(head) - left)
    return "\n".join("| " + " | ".join(map(_escaped, line)) + " |" for line in [head, align, *rows])


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|").replace("\n", " ")
