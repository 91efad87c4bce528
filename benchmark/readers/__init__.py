"""Readers convert files of other formats to cases and traces. Every module reads one format."""

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
        file: The file that contains the row.
        line: Line of the row, counted from 1.
        reason: The reason why the row cannot be read.
        column: Position of the error in the line, counted from 1. None if the position is not known.
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
    """A reader of one format, in the entry-point group `toolmark.readers`. `--cases NAME:PATH` chooses a reader.

    Derive from `BaseReader`, which has the defaults of all attributes except `name`.

    Attributes:
        name: The NAME of `--cases NAME:PATH`.
        takes_tools: Whether the rows contain only the names of tools. If so, the user can give the source of the tools
            with `--tools`.
        tools: The value of `--tools`. It is set only if `takes_tools` is true.
    """

    name: str
    takes_tools: bool
    tools: str | None

    def read(self, path: Path) -> Iterator[Case | Trace | BadRow]:
        """Yield the rows of a file or folder in their order. A row that cannot be read is a `BadRow`."""
        ...


class BaseReader:
    """The defaults of a reader's optional attributes. See `Reader`."""

    takes_tools: bool = False
    tools: str | None = None
