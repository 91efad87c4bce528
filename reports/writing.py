"""Writes the files of reports."""

from __future__ import annotations

from pathlib import Path

from toolmark.benchmark.core.atomic_write import write_atomically
from toolmark.benchmark.core.errors import writing

__all__ = ["write"]


def write(path: Path, text: str) -> None:
    """Write a text file atomically. If the folder of the file does not exist, it is created.

    Args:
        path: The file.
        text: Content of the file. A character that UTF-8 cannot encode is written as an escape sequence.

    Raises:
        EnvironmentFault: The file cannot be written.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text.encode("utf-8", "backslashreplace"))
