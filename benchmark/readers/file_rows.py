"""Reads the rows of data files. A file contains JSON Lines, one JSON array, CSV (plain or gzipped) or Parquet.

Each row is returned with the number of the line on which the row begins. A Parquet file has no lines, so the number of
the row is returned instead. If a row cannot be decoded, a `BadRow` is returned.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.core.strict_json import STRICT_DECODER, as_json, check_json, plain_reason, strict_json
from toolmark.benchmark.core.unpacking import MAX_UNPACKED, read_unpacked
from toolmark.benchmark.readers import BadRow
from toolmark.benchmark.readers.parquet_pages import largest_group
from toolmark.benchmark.readers.table_fillers import without_nulls

__all__ = ["PARQUET", "Row", "csv_rows", "data_files", "json_rows", "parquet_rows", "read_text", "tables"]

PARQUET = ".parquet"
_MAX_CELL = 1 << 24
"""Longest cell of a CSV file that is read, in characters."""
_SPACE = " \t\r\n"
_MOST_BATCH_ROWS = 256

Row = Mapping[str, Any]


def read_text(path: Path) -> str:
    """Return the text of a UTF-8 file, without a byte-order mark. A file whose name ends in `.gz` is unpacked.

    Raises:
        InputError: The file cannot be read.
    """
    fix = "Give the path of a file with UTF-8 text."
    try:
        return read_unpacked(path, fix).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} cannot be read: {error}", fix) from None


def data_files(path: Path, *suffixes: str) -> list[Path]:
    """Return `path` if it is a file. If it is a folder, return its files with one of the endings, sorted by name.

    Raises:
        InputError: The file or folder does not exist, or the folder has no file with one of the endings.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError(f"there is no data at {str(path)!r}", "Give the path of an existing file or folder.")
    files = sorted(file for file in path.iterdir() if file.is_file() and file.name.endswith(suffixes))
    if not files:
        raise InputError(
            f"{path} has no file whose name ends in {' or '.join(suffixes)}", "Give the path of a file instead."
        )
    return files


def tables(path: Path, *names: str) -> list[Path]:
    """Return the files of a folder that have one of these names or are Parquet files.

    If the folder contains none of these files, its subfolders are searched. If `path` is a file, return `path`.

    Raises:
        InputError: No file is found.
    """
    wanted = (*names, PARQUET)
    if path.is_dir() and not any(file.name.endswith(wanted) for file in path.iterdir() if file.is_file()):
        below = [file for file in path.rglob("*") if file.is_file() and file.name.endswith(wanted)]
        visible = [file for file in below if not any(part.startswith(".") for part in file.relative_to(path).parts)]
        if visible:
            return sorted(visible)
    return data_files(path, *wanted)


def json_rows(path: Path) -> Iterator[tuple[int, Row | BadRow]]:
    """Yield the objects of a JSONL file, or of a file with one JSON array, together with their line numbers.

    A file can also contain one object that is written on several lines.

    Raises:
        InputError: The file cannot be read.
    """
    text = read_text(path)
    if text.lstrip(_SPACE).startswith("["):
        yield from _array(path, text)
        return
    first = text.lstrip(_SPACE).partition("\n")[0]
    if isinstance(_object(path, 1, first), BadRow) and not isinstance(whole := _object(path, 1, text), BadRow):
        yield 1, whole
        return
    # `splitlines` is not used, because it splits at U+2028, too. A JSON string can contain U+2028.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, _object(path, number, line)


def _object(path: Path, number: int, line: str) -> Row | BadRow:
    try:
        row = strict_json(line)
    except json.JSONDecodeError as error:
        return BadRow(path, number, f"not JSON: {error.msg}", error.colno)
    except ValueError as error:
        return BadRow(path, number, f"not JSON: {error}")
    if not isinstance(row, dict):
        return BadRow(path, number, f"a row must be a JSON object, not {type(row).__name__}", 1)
    return row


def _array(path: Path, text: str) -> Iterator[tuple[int, Row | BadRow]]:
    position, line, counted = text.index("[") + 1, 1, 0
    while True:
        while text[position : position + 1] in tuple(_SPACE + ","):
            position += 1
        line += text.count("\n", counted, position)
        counted = position
        if text[position : position + 1] == "]":
            return
        try:
            value, position = STRICT_DECODER.raw_decode(text, position)
            check_json(value)
        except (ValueError, RecursionError) as error:
            why = plain_reason(error) if isinstance(error, ValueError) else "nested too deeply"
            # It is not known where a broken element ends, so the rest of the array is not read.
            yield line, BadRow(path, line, f"not JSON: {why}. This element and all later elements are not read")
            return
        if isinstance(value, dict):
            yield line, value
        else:
            yield line, BadRow(path, line, f"a row must be a JSON object, not {type(value).__name__}")


def csv_rows(path: Path) -> Iterator[tuple[int, Row | BadRow]]:
    """Yield the rows of a CSV file with a header, together with their line numbers.

    A row is a mapping from the name of a column to the cell, which is a string.

    Raises:
        InputError: The file cannot be read, or the file has no header.
    """
    stream = io.StringIO(read_text(path).removeprefix("\ufeff"), newline="")
    csv.field_size_limit(_MAX_CELL)
    lines = csv.reader(stream, strict=True)
    try:
        header = next(lines, None)
    except csv.Error as error:
        raise InputError(f"{path}:1: {error}", "Write the column names in the first line.") from None
    if not header or len(set(header)) < len(header):
        raise InputError(
            f"the first line of {path} does not give each column a different name",
            "Write the column names in the first line.",
        )
    while True:
        line = lines.line_num + 1
        try:
            cells = next(lines, None)
        except csv.Error as error:
            yield line, BadRow(path, line, f"not CSV: {error}")
            return
        if cells is None:
            return
        if not cells:
            continue
        if len(cells) != len(header):
            yield line, BadRow(path, line, f"the row has {len(cells)} cells, but the header has {len(header)} columns")
            continue
        yield line, dict(zip(header, cells, strict=True))


def parquet_rows(path: Path) -> Iterator[tuple[int, Row | BadRow]]:
    """Yield the rows of a Parquet file together with their row numbers, from 1. The values have JSON's types.

    Keys whose value is null are left out, because Parquet cannot tell a null from a key that is missing.

    The size of all values together is limited. It is not enough to limit the size of the file, because repeated values
    take almost no space in the file. Rows are read in batches. If the groups of rows in the file are large, a batch has
    few rows, because a single value can be as large as its group.

    Raises:
        InputError: The file cannot be read, or its values have more than 256 MB.
        EnvironmentFault: The package that reads Parquet files is not installed.
    """
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise EnvironmentFault(
            f"{path} is a Parquet file. To read the file, the package 'pyarrow' is needed, but it is not installed",
            "Install it: pip install 'toolmark[generate]'",
        ) from None
    number = size = 0
    try:
        with parquet.ParquetFile(path) as file:
            about = file.metadata
            sizes = (about.row_group(index).total_byte_size for index in range(about.num_row_groups))
            largest = max((largest_group(path, about), *sizes))
            _check_size(path, largest)
            batch_rows = max(1, min(_MOST_BATCH_ROWS, MAX_UNPACKED // max(1, largest)))
            for batch in file.iter_batches(batch_size=batch_rows):
                for row in batch.to_pylist():
                    number += 1
                    size += len(repr(row))  # Arrow counts a value that is repeated only once.
                    _check_size(path, size)
                    try:
                        yield number, check_json(without_nulls(as_json(row)))
                    except (ValueError, RecursionError) as error:
                        yield number, BadRow(path, number, f"not JSON: {error}")
    except (OSError, ValueError, ArrowException) as error:
        raise InputError(f"{path} cannot be read: {error}", "Give the path of a Parquet file.") from None


def _check_size(path: Path, size: int) -> None:
    if size > MAX_UNPACKED:
        raise InputError(
            f"{path} contains more than {MAX_UNPACKED // 1_000_000} MB when it is unpacked",
            "If you trust the file, write its rows to JSON Lines, or split it into several files.",
        )
