"""Contains the readers. A reader converts files of one format to cases and traces."""

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
        line: Number of the line on which the row begins, from 1.
        reason: Why the row cannot be read.
        column: Position of the error in the line, from 1. None if the position is not known.
        ref: Reference of the row in its collection. None if the reference is not known.
    """

    file: Path
    line: int
    reason: str
    column: int | None = None
    ref: str | None = None

    @property
    def place(self) -> str:
        """Return where the row is, as `file:line` or `file:line:column`."""
        return f"{self.file}:{self.line}" + (f":{self.column}" if self.column is not None else "")


@runtime_checkable
class Reader(Protocol):
    """The interface of a reader, which reads one format.

    To add a reader, derive a class from `BaseReader`, and register the class in the entry-point group
    `toolmark.readers`. `BaseReader` has defaults for all attributes except `name`.

    Attributes:
        name: The name of the reader in the option `--cases NAME:PATH`.
        takes_tools: Whether the user can give the option `--tools`. True if the rows contain only the names of tools.
        tools: The value of `--tools`. None if `takes_tools` is False or if the option is not given.
    """

    name: str
    takes_tools: bool
    tools: str | None

    def read(self, path: Path) -> Iterator[Case | Trace | BadRow]:
        """Yield the rows of a file or folder, in order. Yield a `BadRow` for a row that cannot be read."""
        ...


class BaseReader:
    """Base class of readers, with defaults for all attributes of `Reader` except `name`."""

    takes_tools: bool = False
    tools: str | None = None
