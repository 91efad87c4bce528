"""`toolmark report RUN … --out FILE` writes a report of recorded runs. The ending of FILE chooses the format."""

from __future__ import annotations

from pathlib import Path

from cyclopts import App
from rich.console import Console

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.progress import phase
from toolmark.benchmark.core.registry import renderer_for
from toolmark.benchmark.evaluation.evaluate import compare_recorded
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.readers.case_selection import Split
from toolmark.benchmark.scoring.execution import Execute
from toolmark.benchmark.verdicts.verdict import MARGIN

__all__ = ["app"]

MOST = 10
"""Largest number of candidates, without the baseline. A page has ten different colours and symbols for candidates."""

app = App(name="report", help="Write a report of recorded runs: HTML, Markdown, CSV, JSON, or a site over time.")


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
    """Judge recorded runs again, and write a report of the runs. Nothing is generated.

    Parameters
    ----------
    runs:
        One to ten folders of runs, ledgers, or recordings: replay/FILE.
    out:
        FILE.html, .md, .csv, .json or .card.md. Or FOLDER/ for a site, to which the report is added.
    baseline:
        The run that the other runs are compared with. Without a baseline there are scores and no verdicts.
    cases:
        File or folder of the cases that the runs answered. The default is the shipped cases. Cases that are missing
        from a run are left out.
    tools:
        Source of the toolboxes that the cases name.
    split:
        Split of the cases: dev or test.
    limit:
        Number of cases in a sample. The sample is the same as with `pytest --limit`.
    seed:
        Seed of the sample.
    margin:
        Differences within ±margin count as equivalent. The margin is a share, for example 0.05.
    execute:
        Run called tools with effects up to this level.
    """
    if not 1 <= len(runs) <= MOST:
        raise InputError(f"{len(runs)} runs are given", f"Give one to {MOST}: toolmark report RUN --out {out}")
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
    comparison = compare_recorded(request, report=True)
    with phase(f"writing {out}"):
        renderer.render(comparison, Path(out))
    Console(stderr=True).print(f"Wrote {out}", markup=False, highlight=False, soft_wrap=True)
