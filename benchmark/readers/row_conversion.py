"""Converts rows of data files to cases and traces. An invalid row becomes a `BadRow`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from toolmark.benchmark.core.strict_json import strict_json
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.readers import BadRow, BaseReader
from toolmark.benchmark.readers.file_rows import PARQUET, Row, json_rows, parquet_rows, tables

__all__ = ["UNREADABLE", "RowReader", "convert", "decoded", "field", "inner_row", "list_field", "reason"]

Kind = TypeVar("Kind")

UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""The errors that reading a row can raise. Readers raise `ValueError` with a reason. The other errors come from values
of types that a reader does not expect, because a row of another person can have any value at any place.
"""

_TYPE_NAMES: dict[type, str] = {
    str: "a string",
    int: "a whole number",
    list: "a list",
    dict: "an object",
    bool: "a boolean",
}


def field(row: Row, name: str, kind: type[Kind]) -> Kind:
    """Return the value of a required field.

    Args:
        row: The row.
        name: Name of the field.
        kind: The type that the value must have.

    Raises:
        ValueError: The field is missing, or the value has another type.
    """
    if name not in row:
        raise ValueError(f"the field {name} is missing")
    value = row[name]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"the field {name} must be {_TYPE_NAMES.get(kind, kind.__name__)}, not {value!r:.80}")
    return value


def decoded(value: Any, what: str) -> Any:
    """Return `value`. If `value` is a string, return the JSON value that the string contains.

    Args:
        value: The value.
        what: What the value is, for error messages, for example `the field tools`.

    Raises:
        ValueError: The value is a string that is not JSON.
    """
    if not isinstance(value, str):
        return value
    try:
        return strict_json(value)
    except ValueError as error:
        raise ValueError(f"{what} cannot be read as JSON: {value!r:.80} ({error})") from None


def list_field(row: Row, name: str) -> list[Any]:
    """Return the value of a required field that is a list, or the JSON text of a list.

    Raises:
        ValueError: The field is missing, or the value has another form.
    """
    what = f"the field {name}"
    return field({name: decoded(row[name], what)} if name in row else {}, name, list)


def inner_row(row: Row, *names: str) -> Row:
    """Return the first of these fields that contains an object, or the row itself if there is none.

    Many logs and batches have a request in a field of the row.
    """
    return next((row[name] for name in names if isinstance(row.get(name), dict)), row)


def reason(error: Exception, prefix: tuple[str | int, ...] = ()) -> str:
    """Return the reason why a row cannot be read, in one line.

    Args:
        error: The exception that was raised while the row was read.
        prefix: The keys and indices that lead from the row to the value that pydantic validated. Used only for errors
            of pydantic.
    """
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        where = ".".join(str(part) for part in (*prefix, *first["loc"]))
        what = first["msg"].removeprefix("Value error, ")
        return f"{where}: {what}" if where else what
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, ValueError):
        return str(error)
    return f"a value has a type that is not expected ({type(error).__name__}: {error})"


def convert(
    path: Path, rows: Iterator[tuple[int, Row | BadRow]], made: Callable[[Row, int], Case | Trace]
) -> Iterator[Case | Trace | BadRow]:
    """Convert rows with the function `made`. The arguments of `made` are a row and the line number of the row.

    If `made` raises one of `UNREADABLE`, the row becomes a `BadRow`.
    """
    for line, row in rows:
        if isinstance(row, BadRow):
            yield row
            continue
        try:
            read = made(row, line)
            yield read.model_copy(update={"line": line}) if isinstance(read, Trace) else read
        except UNREADABLE as error:
            ref = f"{path.name}:{line}"
            with suppress(ValueError):
                ref = row["id"] if isinstance(row.get("id"), str) else ref
            yield BadRow(path, line, reason(error)[:500], ref=ref)


class RowReader(BaseReader, ABC):
    """Base class of readers that make a case or a trace from each row of JSON and Parquet files.

    Attributes:
        endings: In a folder, JSON files with these endings are read.
    """

    endings: tuple[str, ...]

    @abstractmethod
    def made(self, row: Row, ref: str) -> Case | Trace:
        """Return the case or the trace of a row.

        Args:
            row: The row.
            ref: The place of the row, as `file:line`.

        Raises:
            ValueError: The row cannot be read. See `UNREADABLE`.
        """

    def read(self, path: Path) -> Iterator[Case | Trace | BadRow]:
        """Yield the cases and traces of a file, or of all files in a folder, in order.

        Raises:
            InputError: There is no file, or a file cannot be read.
        """
        for file in tables(path, *self.endings):
            rows = parquet_rows(file) if file.name.endswith(PARQUET) else json_rows(file)
            yield from convert(file, rows, lambda row, line, name=file.name: self.made(row, f"{name}:{line}"))  # type: ignore[misc]
