"""`toolmark report RUN … --out FILE` writes a report of recorded runs. The ending of FILE chooses the format."""

from __future__ import annotations

from cyclopts import App

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.printing import console
from toolmark.benchmark.evaluation.evaluate import compare_recorded
from toolmark.benchmark.evaluation.report_writing import check_report, write_report
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.evaluation.terminal_observer import TerminalObserver
from toolmark.benchmark.readers.case_selection import Split
from toolmark.benchmark.scoring.execution import Execute
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
    cases: str | None = None,
    tools: str | None = None,
    split: Split = "test",
    limit: int | None = None,
    seed: int = 0,
    dialect: str | None = None,
    margin: float = MARGIN,
    execute: Execute = "pure",
    trust_data_tools: bool = False,
    skip_too_long: bool = False,
    skip_bad: bool = False,
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
    cases:
        File or folder of the cases that the runs answered. The default is the shipped cases. If a run lacks a case,
        the case is left out.
    tools:
        File or module with the toolboxes of the cases.
    split:
        Split of the cases: dev or test.
    limit:
        Judge a sample of this number of cases. `pytest --limit` takes the same sample.
    seed:
        Seed of the sample.
    dialect:
        Dialect of the answers. Only for recordings that do not contain the name of their dialect.
    margin:
        Differences within ±margin count as equivalent. The margin is a share from 0 to 1, for example 0.05.
    execute:
        Which called tools are run: pure (tools without effects), read (also tools that read), or all.
    trust_data_tools:
        Also run the code that is named in the case files and in the tools.yaml beside them. This code gets all your
        rights.
    skip_too_long:
        Leave out the cases that were too long for one of the recorded models.
    skip_bad:
        Leave out rows of case files that cannot be read, and list these rows.
    """
    if not 1 <= len(runs) <= MOST:
        raise InputError(f"{len(runs)} runs are given", f"Give one to {MOST}: toolmark report RUN --out {out}")
    check_report(out)
    request = Request(
        models=runs,
        baseline=baseline,
        cases=cases or Request().cases,
        tools=tools,
        split=split,
        limit=limit,
        seed=seed,
        dialect=dialect,
        margin=margin,
        execute=execute,
        trust_data_tools=trust_data_tools,
        skip_too_long=skip_too_long,
        skip_bad=skip_bad,
    )
    comparison = compare_recorded(request, TerminalObserver(), report=True)
    write_report(comparison, out)
    console(stderr=True).print(f"Wrote {out}", soft_wrap=True)
