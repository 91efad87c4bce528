"""Writes a static site: a page for each report, and an index that shows the scores of the candidates over time.

Each call adds one report to the folder. `index.json` stores the figures of all reports, so the index can be drawn
without the runs. All pages share one copy of Plotly's script.

In the figures of the index, each line shows one candidate on one set of cases. Scores on different cases are not
comparable.
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
    """Adds a report to a folder of reports, and updates the index of the folder."""

    name = "site"
    suffixes: Sequence[str] = ("/",)

    def render(self, comparison: Comparison, out: Path | None) -> None:
        """Add the report to the site in `out`.

        Raises:
            InputError: `out` contains an `index.json` that does not belong to a site.
            EnvironmentFault: The site cannot be written.
        """
        if out is None:
            raise InputError("a site needs a folder", "Give one: --out site/")
        entry = entry_of(comparison)
        # Two reports on the same cases within one second have the same id. The later report gets a number.
        entries = read_history(out / "index.json")
        taken = {earlier.id for earlier in entries}
        number = 1
        while entry.id in taken:
            number += 1
            entry = entry.model_copy(update={"id": f"{entry.id.partition('_')[0]}_{number}"})
        entries = sorted([*entries, entry], key=lambda one: (one.made, one.id))
        write(out / _PLOTLY, plotly_script())
        Html().render_beside(comparison, out / entry.id / "index.html", plotly=f"../{_PLOTLY}")
        index = {"version": 1, "reports": [one.model_dump(mode="json") for one in entries]}
        write(out / "index.json", json.dumps(index, indent=1) + "\n")
        write(out / "index.html", index_page(entries, _PLOTLY))
