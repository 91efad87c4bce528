"""Writes the files of reports. All texts of reports leave the process here, so secrets are hidden here."""

from __future__ import annotations

from pathlib import Path

from toolmark.benchmark.core.atomic_write import write_atomically
from toolmark.benchmark.core.errors import writing
from toolmark.benchmark.core.secrets import redacted

__all__ = ["write"]


def write(path: Path | None, text: str) -> None:
    """Write a text file atomically. If the folder of the file does not exist, it is created.

    Args:
        path: The file. None prints the text.
        text: Content of the file. A character that UTF-8 cannot encode is written as an escape sequence.

    Raises:
        EnvironmentFault: The file cannot be written.
    """
    text = redacted(text)
    if path is None:
        print(text.removesuffix("\n"))  # noqa: T201
        return
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text.encode("utf-8", "backslashreplace"))
