"""The comparison as a Markdown table of its primary metrics, for a README or a pull request."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmark.verdicts.comparison import Comparison
from reports.tables import cells

__all__ = ["Markdown"]


class Markdown:
    """Draws the primary metrics, one row each."""

    name = "markdown"
    suffixes: Sequence[str] = (".md",)

    def render(self, comparison: Comparison, out: Path | None) -> None:
        """Write to `out`, or print."""
        text = self.text(comparison)
        if out is None:
            print(text)  # noqa: T201
        else:
            out.write_text(text + "\n", encoding="utf-8")

    def text(self, comparison: Comparison) -> str:
        """The table."""
        head = [
            "metric",
            "what it says",
            *(text for column in comparison.columns for text in ("n", column.name, "95% interval")),
        ]
        align = ["---", "---"] + ["--:"] * (3 * len(comparison.columns))
        rows = [
            [f"`{row.metric}`", row.meaning, *(text for figure in row.figures for text in cells(row, figure))]
            for row in comparison.rows
            if row.level == "primary"
        ]
        return "\n".join("| " + " | ".join(map(_escaped, line)) + " |" for line in [head, align, *rows])


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|").replace("\n", " ")
