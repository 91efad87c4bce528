"""`toolmark report RUN … --out FILE`: a comparison of recorded runs, written in the format that FILE's ending names."""

from __future__ import annotations

from pathlib import Path

from cyclopts import App
from rich.console import Console

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.registry import renderer_for
from toolmark.benchmark.evaluation.evaluate import compare_recorded
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.readers.case_selection import Split
from toolmark.benchmark.scoring.execution import Execute
from toolmark.benchmark.verdicts.verdict import MARGIN

__all__ = ["app"]

MOST = 10
"""Candidates beside a baseline that a page can tell apart."""

app = App(name="report", help="Write a report of recorded runs: a page, Markdown, CSV, JSON, or a site over time.")


@app.default
def report(
    *runs: str,
    out: str,
    baseline: str | None = None,
    cases: str | None = None,
    tools: str | None = None,
    split: Split = "test",
    limit: int | None = None,
    seed: int = 0,
    margin: float = MARGIN,
    execute: Execute = "pure",
) -> None:
    """Judge recorded runs by today's judge and write a report of them; nothing is generated.

    Parameters
    ----------
    runs:
        One to ten run directories, ledgers or recordings: replay/FILE.
    out:
        FILE.html, .md, .csv, .json or .card.md; or FOLDER/, a site to which the report is added.
    baseline:
        The run that the others are held against; without it there are scores and no verdicts.
    cases:
        The cases that they answered; the shipped ones where not given. Cases that a run lacks are left out.
    tools:
        Source of the toolboxes that the cases name.
    split:
        Of the cases.
    limit:
        A sample of the cases, as `pytest --limit` draws it.
    seed:
        Of the sample.
    margin:
        Differences within ±margin, a share, count as equivalent.
    execute:
        Effects up to which called tools run.
    """
    if not 1 <= len(runs) <= MOST:
        raise InputError(f"{len(runs)} runs are to be drawn", f"Name one to {MOST}: toolmark report RUN --out {out}")
    renderer = renderer_for(out)
    request = Request(
        models=runs,
        baseline=baseline,
        cases=cases or Request().cases,
        tools=tools,
        split=split,
        limit=limit,
        seed=seed,
        margin=margin,
        execute=execute,
    )
    renderer.render(compare_recorded(request, report=True), Path(out))
    Console(stderr=True).print(f"Wrote {out}", markup=False, highlight=False, soft_wrap=True)
