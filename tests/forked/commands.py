"""Commands of toolmark in processes of their own, without seconds of imports for each."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["GENERATING", "Ended", "Toolmark", "running"]

GENERATING = (
    "datasets",
    "datasketch",
    "openai.resources.chat",
    "inspect_ai.model",
    "toolmark.generators.commands.data",
    "toolmark.generators.pipeline",
    "toolmark.generators.teacher",
)
"""What `toolmark generate` imports."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit code (None where it was killed), and what it printed."""

    code: int | None
    out: str
    err: str

    @property
    def said(self) -> str:
        """Everything."""
        return self.out + self.err


class Toolmark:
    """`toolmark("generate", …)`: a command in a process of its own, one at a time; see `forks.py`.

    Args:
        folder: For what the commands print.
        server: Forks them.
    """

    def __init__(self, folder: Path, server: subprocess.Popen[str]) -> None:
        self._folder = folder
        self._server = server
        self._numbers = itertools.count()

    def __call__(
        self, *arguments: str, environment: Mapping[str, str] | None = None, until: tuple[Path, int] | None = None
    ) -> Ended:
        """Run it, or kill it once the ledger `until[0]` has `until[1]` lines."""
        number = next(self._numbers)
        out, err = self._folder / f"out{number}", self._folder / f"err{number}"
        request = {
            "arguments": arguments,
            "environment": {**os.environ, "COLUMNS": "200", **(environment or {})},
            "out": str(out),
            "err": str(err),
            "until": until and [str(until[0]), until[1]],
        }
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        return Ended(json.loads(self._server.stdout.readline()), out.read_text(), err.read_text())


@contextmanager
def running(folder: Path, *modules: str, environment: Mapping[str, str] | None = None) -> Iterator[Toolmark]:
    """Commands that find `modules` imported, and whose output is kept in `folder`, until the context ends.

    What packages read of their `environment` when they are imported must be given here.
    """
    command = [sys.executable, str(Path(__file__).with_name("forks.py")), *modules]
    whole = {**os.environ, **(environment or {})}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=whole) as server:
        yield Toolmark(folder, server)
