"""`toolmark compare`: compares recorded runs in the terminal."""

from __future__ import annotations

from cyclopts import App

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.registry import load
from toolmark.benchmark.evaluation.evaluate import compare_recorded
from toolmark.benchmark.evaluation.recorded_options import RecordedOptions
from toolmark.benchmark.evaluation.terminal_observer import TerminalObserver
from toolmark.benchmark.verdicts.verdict import MARGIN

__all__ = ["compare"]

MOST = 9
"""Highest number of runs in addition to the baseline. A terminal is too narrow for more runs."""

compare = App(name="compare", help="Compare recorded runs in the terminal. The first run is the baseline.")


@compare.default
def compare_runs(
    baseline: str,
    *candidates: str,
    margin: float = MARGIN,
    options: RecordedOptions = RecordedOptions(),  # noqa: B008 - it cannot be changed
) -> None:
    """Compare recorded runs in the terminal. Nothing is generated or written.

    Parameters
    ----------
    baseline:
        Folder or ledger of a run.
    candidates:
        Folders or ledgers of one to nine runs that are compared with the baseline.
    margin:
        Differences between -margin and +margin count as equivalent. 0.05 is 5 points.
    options:
        Which cases the runs are judged on, and how.
    """
    if not 1 <= len(candidates) <= MOST:
        raise InputError(
            f"{len(candidates)} runs are given in addition to the baseline",
            f"Give one to {MOST} runs: toolmark compare BASELINE RUN",
        )
    request = options.request(candidates, baseline, margin=margin)
    load("toolmark.renderers", "terminal")().render(compare_recorded(request, TerminalObserver()), None)
