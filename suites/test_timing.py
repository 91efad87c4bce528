"""Suite of timing: does the model call a tool if a call is right, and only then?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from inspect_ai import Task, task

from toolmark.benchmark.runs.inspect_task import live_task
from toolmark.benchmark.scoring.metrics import checked_metrics, metrics_on_request, primary_metrics
from toolmark.suites import CASES


@task
def timing(cases: str = str(CASES), dialect: str = "tagged", split: Any = "test", limit: int | None = None) -> Task:
    """Return the suite as an Inspect task. Each parameter is set with `-T`, for example `-T limit=50`."""
    return live_task("timing", cases, dialect=dialect, split=split, limit=limit)


@pytest.mark.parametrize("metric", primary_metrics("timing"))
def test_gold(metric: str, prove_gold: Callable[[str], None]) -> None:
    """Check that a perfect answer scores 1, and that wrong answers score 0. No model is needed."""
    prove_gold(metric)


@pytest.mark.parametrize("metric", [*checked_metrics("timing"), *metrics_on_request("timing")])
def test_metric(metric: str, check: Callable[[str], None]) -> None:
    """Check that the metric has not regressed and is not below its floor.

    Some metrics are checked only with the option `--gate`.
    """
    check(metric)
