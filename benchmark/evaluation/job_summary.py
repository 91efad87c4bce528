"""Appends the report to the summary of a job of GitHub Actions."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from toolmark.benchmark.core.errors import writing
from toolmark.benchmark.core.registry import load
from toolmark.benchmark.verdicts.comparison import Comparison

__all__ = ["append_markdown"]


def append_markdown(comparison: Comparison, summary: Path) -> None:
    """Append the report to the file `summary`, because other steps of the job also write to this file.

    Raises:
        EnvironmentFault: The file cannot be written.
    """

    def opened(path: str, flags: int) -> int:
        # Without O_NONBLOCK, opening a named pipe would wait for a reader.
        return os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o666)

    with (
        writing(summary, "Set GITHUB_STEP_SUMMARY to a file that can be written, or unset it."),
        TemporaryDirectory(prefix="toolmark-") as folder,
    ):
        part = Path(folder) / "summary.md"
        load("toolmark.renderers", "markdown")().render(comparison, part)
        with open(summary, "a", encoding="utf-8", opener=opened) as stream:
            stream.write(part.read_text(encoding="utf-8"))
