"""`toolmark compare`: recorded runs in the terminal."""

from __future__ import annotations

from cyclopts import App

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.registry import load
from toolmark.benchmark.evaluation.evaluate import compare_recorded
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.readers.case_selection import Split
from toolmark.benchmark.verdicts.verdict import MARGIN

__all__ = ["compare"]

MOST = 9
"""Runs beside the baseline that a terminal has room for."""

compare = App(name="compare", help="Compare recorded runs in the terminal: the first is the baseline of the others.")


@compare.default
def compare_runs(
    baseline: str,
    *candidates: str,
    cases: str | None = None,
    split: Split = "test",
    margin: float = MARGIN,
) -> None:
    """Compare recorded runs in the terminal. Nothing is generated or written.

    Parameters
    ----------
    baseline:
        Folder or ledger of a run.
    candidates:
        One to nine more of them.
    cases:
        The cases that they answered; the shipped ones where not given. Cases that a run lacks are left out.
    split:
        Split of the cases: dev or test.
    margin:
        Differences within ±margin, a share, count as equivalent.
    """
    if not 1 <= len(candidates) <= MOST:
        raise InputError(
            f"{len(candidates)} runs are named beside the baseline",
            f"Name one to {MOST}: toolmark compare BASELINE RUN",
        )
    chosen = cases or Request().cases
    request = Request(models=candidates, baseline=baseline, cases=chosen, split=split, margin=margin)
    load("toolmark.renderers", "terminal")().render(compare_recorded(request), None)
