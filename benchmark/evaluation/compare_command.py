"""`toolmark compare`: compares recorded runs in the terminal."""

from __future__ import annotations

from cyclopts import App

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.registry import load
from toolmark.benchmark.evaluation.evaluate import compare_recorded
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.evaluation.terminal_observer import TerminalObserver
from toolmark.benchmark.readers.case_selection import Split
from toolmark.benchmark.scoring.execution import Execute
from toolmark.benchmark.verdicts.verdict import MARGIN

__all__ = ["compare"]

MOST = 9
"""Highest number of runs in addition to the baseline. A terminal is too narrow for more runs."""

compare = App(name="compare", help="Compare recorded runs in the terminal. The first run is the baseline.")


@compare.default
def compare_runs(
    baseline: str,
    *candidates: str,
    cases: str | None = None,
    tools: str | None = None,
    split: Split = "test",
    dialect: str | None = None,
    margin: float = MARGIN,
    execute: Execute = "pure",
    trust_data_tools: bool = False,
    skip_too_long: bool = False,
    skip_bad: bool = False,
) -> None:
    """Compare recorded runs in the terminal. Nothing is generated or written.

    Parameters
    ----------
    baseline:
        Folder or ledger of a run.
    candidates:
        Folders or ledgers of one to nine runs that are compared with the baseline.
    cases:
        File or folder of the cases that the runs answered. The default is the shipped cases. If a run has no answer to
        a case, the case is left out for this run.
    tools:
        File or module with the toolboxes of the cases. For scenarios, your world: my_world.py:World.
    split:
        Split of the cases: dev or test.
    dialect:
        Dialect of the answers. Only for recordings that do not contain the name of their dialect.
    margin:
        Differences between -margin and +margin count as equivalent. 0.05 is 5 points.
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
    if not 1 <= len(candidates) <= MOST:
        raise InputError(
            f"{len(candidates)} runs are given in addition to the baseline",
            f"Give one to {MOST} runs: toolmark compare BASELINE RUN",
        )
    request = Request(
        models=candidates,
        baseline=baseline,
        cases=cases or Request().cases,
        tools=tools,
        split=split,
        dialect=dialect,
        margin=margin,
        execute=execute,
        trust_data_tools=trust_data_tools,
        skip_too_long=skip_too_long,
        skip_bad=skip_bad,
    )
    load("toolmark.renderers", "terminal")().render(compare_recorded(request, TerminalObserver()), None)
