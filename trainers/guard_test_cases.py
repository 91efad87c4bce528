"""Makes sure that a training cannot read test cases. During a training, opening a test case file raises an error.

Python calls an audit hook (PEP 578) whenever Python code opens a file. The hook of this module raises an error for
files with names that end in `.test.jsonl` or `.test.jsonl.gz`.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.readers.case_selection import TEST_ENDINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["no_test_cases"]

_active = 0
_installed = False


def _refuse_test_cases(event: str, arguments: tuple[Any, ...]) -> None:
    if not _active or event != "open" or not isinstance(arguments[0], str | bytes | os.PathLike):
        return
    if os.fsdecode(arguments[0]).endswith(TEST_ENDINGS):
        raise InputError(
            f"the trainer opened the test cases {os.fsdecode(arguments[0])!r}",
            "A training must not read test cases. Give dev cases with --dev, or training data with --data.",
        )


@contextmanager
def no_test_cases() -> Iterator[None]:
    """Raise `InputError` if a test case file is opened inside this `with` block."""
    global _active, _installed
    if not _installed:
        sys.addaudithook(_refuse_test_cases)
        _installed = True
    _active += 1
    try:
        yield
    finally:
        _active -= 1
