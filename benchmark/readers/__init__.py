"""Readers turn files of other formats into cases and traces: one format a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.data.traces import Trace

__all__ = ["BadRow", "BaseReader", "Reader"]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be read.

    Attributes:
        file: The file that the row is in.
        line: Its line, counted from 1.
        reason: Why it cannot be read.
        column: Where in the line the error is, counted from 1; None where that is not known.
    """

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
    """Reads one format. Entry-point group `toolmark.readers`; chosen by `--cases NAME:PATH`.

    Derive from `BaseReader`, which has the defaults of all attributes but `name`.

    Attributes:
        name: The NAME of `--cases NAME:PATH`.
        takes_tools: Whether the rows only name their tools, so that `--tools` may say what these are.
        tools: The value of `--tools`; set only on a reader that takes tools.
    """

    name: str
    takes_tools: bool
    tools: str | None

    def read(self, path: Path) -> Iterator[Case | Trace | BadRow]:
        """Yield the rows of a file or folder in their order; a row that cannot be read is a `BadRow`."""
        ...


class BaseReader:
    """The defaults of a reader's optional attributes; see `Reader`."""

    takes_tools: bool = False
    tools: str | None = None
