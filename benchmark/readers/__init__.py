"""Other people's formats, one a file, as cases and traces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.data.traces import Trace

__all__ = ["BadRow", "Reader"]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be read: where, and why. `column` counts from 1, where it is known."""

    file: Path
    line: int
    reason: str
    column: int | None = None

    @property
    def place(self) -> str:
        """`file:line` or `file:line:column`."""
        return f"{self.file}:{self.line}" + (f":{self.column}" if self.column is not None else "")


@runtime_checkable
class Reader(Protocol):
    """Reads one format. Group `toolmark.readers`; `--cases NAME:PATH`.

    A reader whose rows only name their tools has an attribute `tools` too, into which `--tools` is put.
    """

    name: str

    def read(self, path: Path) -> Iterator[Case | Trace | BadRow]:
        """Yield the rows of a file or folder in their order; a row that cannot be read is a `BadRow`."""
        ...
