"""The suites: cases, and checks over the grades of a model's answers.

Each `test_*.py` is both a pytest file (`pytest suites/ --model M`) and an Inspect task file (`inspect eval
suites/test_timing.py --model M`). All figures are computed once, before the first check.

    test_*.py            the suites: timing, selection, validity and the guards
    cases/               the shipped cases, their toolboxes, and MANIFEST.toml
    command.py           `toolmark cases`
    case_panel.py        a case as it is printed by `toolmark cases show`
    case_statistics.py   the tables of `toolmark cases stats`
    lint/                the checks of `toolmark cases lint`
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["CASES"]

CASES = Path(__file__).parent / "cases"
"""The folder of the shipped cases, which were written by hand."""
