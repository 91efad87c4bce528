"""Writes the files of reports."""

from __future__ import annotations

from pathlib import Path

from toolmark.benchmark.core.atomic_write import write_atomically
from toolmark.benchmark.core.errors import writing

__all__ = ["write"]


def write(path: Path, text: str) -> None:
    """Write a file atomically, and make the folder of the file. Characters that UTF-8 cannot encode become escapes.

    Args:
        path: The file.
        text: Content of the file.

    Raises:
        EnvironmentFault: The file cannot be written.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text.encode("utf-8", "backslashreplace"))
