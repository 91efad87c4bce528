"""Guards: what a fine-tune may break while it improves the headline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from inspect_ai import Task, task

from toolmark.benchmark.runs.inspect_task import live_task
from toolmark.suites import CASES


@task
def guards(cases: str = str(CASES), dialect: str = "tagged", split: Any = "test", limit: int | None = None) -> Task:
    """The suite as an Inspect task; every parameter is an `-T` option."""
    return live_task("guard", cases, dialect=dialect, split=split, limit=limit)


@pytest.mark.parametrize("metric", ["guard.stops"])
def test_gold(metric: str, prove_gold: Callable[[str], None]) -> None:
    """The perfect answer scores 1 and planted wrong ones 0, with no model."""
    prove_gold(metric)


def test_stops(check: Callable[[str], None]) -> None:
    """It ends by itself, and is not cut."""
    check("guard.stops")
