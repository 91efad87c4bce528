"""Timing: does the model call a tool when a call is right, and only then?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from inspect_ai import Task, task

from toolmark.benchmark.runs.inspect_task import live_task
from toolmark.suites import CASES


@task
def timing(cases: str = str(CASES), dialect: str = "tagged", split: Any = "test", limit: int | None = None) -> Task:
    """The suite as an Inspect task. Each parameter is an option `-T`."""
    return live_task("timing", cases, dialect=dialect, split=split, limit=limit)


@pytest.mark.parametrize("metric", ["timing.recall", "timing.restraint"])
def test_gold(metric: str, prove_gold: Callable[[str], None]) -> None:
    """A perfect answer scores 1 and planted wrong answers score 0. No model is needed."""
    prove_gold(metric)


def test_recall(check: Callable[[str], None]) -> None:
    """The model calls a tool if a call is right."""
    check("timing.recall")


def test_restraint(check: Callable[[str], None]) -> None:
    """The model calls no tool if no call is right. A malformed call is counted as wrong too."""
    check("timing.restraint")


def test_balanced(check: Callable[[str], None]) -> None:
    """The mean of both. A model that always calls scores one half, and so does one that never calls."""
    check("timing.balanced")
