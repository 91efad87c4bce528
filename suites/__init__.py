"""Contains the suites: cases, and checks of the grades of a model's answers.

Each `test_*.py` is both a pytest file and an Inspect task file:

    pytest suites/ --model M
    inspect eval suites/test_timing.py --model M

Before the first check, all figures are computed.

    test_*.py            the suites: timing, selection, validity and the guards
    cases/               the authored cases, their toolboxes, and MANIFEST.toml
    scenarios/           the authored scenarios, a file for each world and split
    generated/           the generated cases, for `--cases generated`
    command.py           `toolmark cases`
    row_selection.py     the cases and scenarios that `toolmark cases show` prints
    case_panel.py        the output of `toolmark cases show` for a case; scenario_panel.py for a scenario
    case_statistics.py   the tables of `toolmark cases stats`; scenario_statistics.py for scenarios
    rule_texts.py        expected calls and accepted values in words
    lint/                the checks of `toolmark cases lint`
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["CASES"]

CASES = Path(__file__).parent / "cases"
"""Folder of the authored cases, which were written by hand and are the default."""
