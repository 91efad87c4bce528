"""Validity: does the call parse, fit the schema, carry the right arguments and run?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from inspect_ai import Task, task

from toolmark.benchmark.runs.inspect_task import live_task
from toolmark.suites import CASES


@task
def validity(cases: str = str(CASES), dialect: str = "tagged", split: Any = "test", limit: int | None = None) -> Task:
    """The suite as an Inspect task; every parameter is an `-T` option."""
    return live_task("validity", cases, dialect=dialect, split=split, limit=limit)


@pytest.mark.parametrize("metric", ["validity.schema", "validity.call"])
def test_gold(metric: str, prove_gold: Callable[[str], None]) -> None:
    """The perfect answer scores 1 and planted wrong ones 0, with no model."""
    prove_gold(metric)


def test_schema(check: Callable[[str], None]) -> None:
    """Every call parses strictly and fits the schema of an offered tool."""
    check("validity.schema")


def test_call(check: Callable[[str], None]) -> None:
    """Everything is right: tool, arguments, format, and it runs."""
    check("validity.call")
