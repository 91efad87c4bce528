"""`toolmark report RUN … --out FILE` writes a report of recorded runs. The ending of FILE chooses the format."""

from __future__ import annotations

from cyclopts import App

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.printing import console
from toolmark.benchmark.evaluation.evaluate import compare_recorded
from toolmark.benchmark.evaluation.recorded_options import RecordedOptions
from toolmark.benchmark.evaluation.report_writing import check_report, write_report
from toolmark.benchmark.evaluation.terminal_observer import TerminalObserver
from toolmark.benchmark.verdicts.verdict import MARGIN

__all__ = ["app"]

MOST = 10
"""Largest number of runs that are compared with the baseline. A page has ten colours and ten symbols for them."""

app = App(name="report", help="Write a report of recorded runs: HTML, Markdown, CSV, JSON, or a site over time.")


@app.default
def report(
    *runs: str,
    out: str,
    baseline: str | None = None,
    limit: int | None = None,
    seed: int = 0,
    margin: float = MARGIN,
    options: RecordedOptions = RecordedOptions(),  # noqa: B008 - it cannot be changed
) -> None:
    """Judge the stored answers of runs again, and write a report. No model is run.

    Parameters
    ----------
    runs:
        One to ten runs. A run is a folder, a ledger, replay/FILE for a recording, or an address such as s3://BUCKET/RUN.
    out:
        FILE.html, FILE.md, FILE.csv, FILE.json or FILE.card.md. FOLDER/ adds the report to the site in this folder.
        A file can also have an address, for example s3://BUCKET/report.html.
    baseline:
        Compare the other runs with this run. Without a baseline, the report has scores but no verdicts.
    limit:
        Judge a sample of this number of cases. `pytest --limit` takes the same sample.
    seed:
        Seed of the sample.
    margin:
        Differences within ±margin count as equivalent. The margin is a share from 0 to 1, for example 0.05.
    options:
        Which cases the runs are judged on, and how.
    """
    if not 1 <= len(runs) <= MOST:
        raise InputError(f"{len(runs)} runs are given", f"Give one to {MOST}: toolmark report RUN --out {out}")
    check_report(out)
    request = options.request(runs, baseline, limit=limit, seed=seed, margin=margin)
    comparison = compare_recorded(request, TerminalObserver(), report=True)
    write_report(comparison, out)
    console(stderr=True).print(f"Wrote {out}", soft_wrap=True)
