"""Training and judging see different cases: while something is trained, no file of test cases can be opened.

Not a promise but a barrier: an audit hook of the interpreter (PEP 578) sees every file that Python code opens, whoever
opens it, and refuses those whose name says `.test.jsonl`.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from toolmark.benchmark.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["no_test_cases"]

_ENDINGS = (".test.jsonl", ".test.jsonl.gz")
_active = 0
_installed = False


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if not _active or event != "open" or not isinstance(arguments[0], str | bytes | os.PathLike):
        return
    if os.fsdecode(arguments[0]).endswith(_ENDINGS):
        raise InputError(
            f"the trainer opened the test cases {os.fsdecode(arguments[0])!r}",
            "Nothing may be trained or chosen on them: name dev cases, or traces.",
        )


@contextmanager
def no_test_cases() -> Iterator[None]:
    """While this lasts, opening a file of test cases raises `InputError`. A hook cannot be removed: it then sleeps."""
    global _active, _installed
    if not _installed:
        sys.addaudithook(_watch)
        _installed = True
    _active += 1
    try:
        yield
    finally:
        _active -= 1
