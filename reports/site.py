"""A static site: one page a report, and an index of the candidates over time.

Each call adds a report to the folder; `index.json` keeps the figures of all of them, so that the index can be drawn
again without the runs. Plotly's script lies in the folder once. Lines join figures of one candidate on one set of
cases: scores on different cases are not comparable, and are never joined.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.verdicts.comparison import Comparison
from toolmark.reports.history import entry_of, read_history
from toolmark.reports.html.index import index_page
from toolmark.reports.html.page import Html, plotly_script
from toolmark.reports.writing import write

__all__ = ["Site"]

_PLOTLY = "plotly.min.js"


class Site:
    """Draws a page into a folder of reports, and the folder's index anew."""

    name = "site"
    suffixes: Sequence[str] = ("/",)

    def render(self, comparison: Comparison, out: Path | None) -> None:
        """Add the report to the site in `out`.

        Raises:
            InputError: `out` holds something else.
            EnvironmentFault: It cannot be written.
        """
        if out is None:
            raise InputError("a site needs a folder", "Name one: --out site/")
        entry = entry_of(comparison)
        # Two reports of one second on the same cases are told apart by a number.
        entries = read_history(out / "index.json")
        taken = {known.id for known in entries}
        number = 1
        while entry.id in taken:
            number += 1
            entry = entry.model_copy(update={"id": f"{entry.id.partition('_')[0]}_{number}"})
        entries = sorted([*entries, entry], key=lambda known: (known.made, known.id))
        write(out / _PLOTLY, plotly_script())
        Html().render_beside(comparison, out / entry.id / "index.html", plotly=f"../{_PLOTLY}")
        kept = {"version": 1, "reports": [known.model_dump(mode="json") for known in entries]}
        write(out / "index.json", json.dumps(kept, indent=1) + "\n")
        write(out / "index.html", index_page(entries, _PLOTLY))
