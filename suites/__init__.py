"""The suites: cases, and the checks over their grades.

Each file is a pytest file (`pytest suites/ --model M`) and an Inspect task file (`inspect eval suites/test_timing.py
--model M`). A check reads a figure that was computed once for all of them.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["CASES"]

CASES = Path(__file__).parent / "cases"
"""The shipped, authored cases."""
