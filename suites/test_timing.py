"""Timing: does the model call when it should, and only then?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from inspect_ai import Task, task

from toolmark.benchmark.runs.inspect_task import live_task
from toolmark.suites import CASES


@task
def timing(cases: str = str(CASES), dialect: str = "tagged", split: Any = "test", limit: int | None = None) -> Task:
    """The suite as an Inspect task; every parameter is an `-T` option."""
    return live_task("timing", cases, dialect=dialect, split=split, limit=limit)


@pytest.mark.parametrize("metric", ["timing.recall", "timing.restraint"])
def test_gold(metric: str, prove_gold: Callable[[str], None]) -> None:
    """The perfect answer scores 1 and planted wrong ones 0, with no model."""
    prove_gold(metric)


def test_recall(check: Callable[[str], None]) -> None:
    """Where a tool is needed, it calls."""
    check("timing.recall")


def test_restraint(check: Callable[[str], None]) -> None:
    """Where no call is right, it makes none, and writes nothing that only fails to be one."""
    check("timing.restraint")


def test_balanced(check: Callable[[str], None]) -> None:
    """Both at once: always calling and never calling score one half."""
    check("timing.balanced")
