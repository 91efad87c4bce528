"""How a report's file is written."""

from __future__ import annotations

from pathlib import Path

from toolmark.benchmark.core.atomic_write import write_atomically
from toolmark.benchmark.core.errors import writing

__all__ = ["write"]


def write(path: Path, text: str) -> None:
    """Write a file whole, with its folder; what UTF-8 cannot say is written as an escape.

    Raises:
        EnvironmentFault: It cannot be written.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text.encode("utf-8", "backslashreplace"))
