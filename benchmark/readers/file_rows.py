"""Reads the rows of data files. A file contains JSON Lines, one JSON array, CSV (plain or gzipped) or Parquet.

Each row is returned with the number of the line on which the row begins. A Parquet file has no lines, so the number of
the row is returned instead. If a row cannot be decoded, a `BadRow` is returned.
"""

from __future__ import annotations

import csv
import io
import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.core.strict_json import STRICT_DECODER, as_json, check_json, plain_reason, strict_json
from toolmark.benchmark.core.unpacking import MAX_UNPACKED, read_unpacked
from toolmark.benchmark.core.user_paths import did_you_mean
from toolmark.benchmark.readers import BadRow
from toolmark.benchmark.readers.parquet_pages import largest_group
from toolmark.benchmark.readers.table_fillers import without_nulls

__all__ = ["PARQUET", "Row", "csv_rows", "data_files", "json_rows", "parquet_rows", "read_text", "tables"]

PARQUET = ".parquet"
_MAX_CELL = 1 << 24
"""Longest cell of a CSV file that is read, in characters."""
_SPACE = " \t\r\n"
_LENIENT_DECODER = json.JSONDecoder()
"""Finds the end of an element that is JSON, but not strict JSON."""
_MOST_BATCH_ROWS = 256
_ABOUT_DATA = frozenset({"dataset_dict.json", "dataset_info.json", "dataset_infos.json", "state.json"})
"""Files that the library `datasets` and LLaMA-Factory write beside the data. They contain no rows."""
_OTHER_FORMS = {
    b"\xff\xfe": "The file is UTF-16 text. Convert the file: iconv -f UTF-16 -t UTF-8 {0} > utf8.txt",
    b"\xfe\xff": "The file is UTF-16 text. Convert the file: iconv -f UTF-16 -t UTF-8 {0} > utf8.txt",
    b"\x1f\x8b": "The file is packed with gzip. Let its name end in .gz: mv {0} {0}.gz",
    b"PAR1": "The file is a Parquet file. Let its name end in .parquet: mv {0} {0}.parquet",
}
"""For the first bytes of files in other forms: what to do."""

Row = Mapping[str, Any]


def read_text(path: Path) -> str:
    """Return the text of a UTF-8 file, without a byte-order mark. A file whose name ends in `.gz` is unpacked.

    Raises:
        InputError: The file cannot be read.
    """
    fix = "Give the path of a file with UTF-8 text."
    content = read_unpacked(path, fix)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        command = next((command for start, command in _OTHER_FORMS.items() if content.startswith(start)), None)
        fix = fix if command is None else command.format(shlex.quote(str(path)))
        raise InputError(f"{path} cannot be read: {error}", fix) from None


def data_files(path: Path, *suffixes: str) -> list[Path]:
    """Return `path` if it is a file. If it is a folder, return its files with one of the endings, sorted by name.

    Raises:
        InputError: The file or folder does not exist, or the folder has no file with one of the endings.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError(
            f"there is no data at {str(path)!r}", did_you_mean(path, "Give the path of an existing file or folder.")
        )
    files = sorted(file for file in path.iterdir() if _has_rows(file, suffixes))
    if not files:
        raise InputError(
            f"{path} has no file whose name ends in {' or '.join(suffixes)}", "Give the path of a file instead."
        )
    return files


def _has_rows(file: Path, suffixes: tuple[str, ...]) -> bool:
    return file.is_file() and file.name.endswith(suffixes) and file.name not in _ABOUT_DATA


def tables(path: Path, *names: str) -> list[Path]:
    """Return the files of a folder that have one of these names or are Parquet files.

    If the folder contains none of these files, its subfolders are searched. If `path` is a file, return `path`.

    Raises:
        InputError: No file is found.
    """
    wanted = (*names, PARQUET)
    if path.is_dir() and not any(_has_rows(file, wanted) for file in path.iterdir()):
        below = [file for file in path.rglob("*") if _has_rows(file, wanted)]
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
    position, line, counted = _after_space(text, text.index("[") + 1), 1, 0
    ended = text[position : position + 1] == "]"
    while not ended:
        line += text.count("\n", counted, position)
        counted = position
        try:
            value, end, why = _element(text, position)
        except (ValueError, RecursionError) as error:
            why = plain_reason(error) if isinstance(error, ValueError) else "nested too deeply"
            # It is not known where a broken element ends, so the rest of the array is not read.
            yield line, BadRow(path, line, f"not JSON: {why}. This element and all later elements are not read")
            return
        if isinstance(value, dict):
            yield line, value
        else:
            no_object = f"a row must be a JSON object, not {type(value).__name__}"
            yield line, BadRow(path, line, no_object if why is None else f"not JSON: {why}")
        position = _after_space(text, end)
        ended = text[position : position + 1] == "]"
        if not ended:
            if text[position : position + 1] != ",":
                reason = "not JSON: after this element, a comma or ] is missing. All later elements are not read"
                yield line, BadRow(path, line, reason)
                return
            position = _after_space(text, position + 1)
    rest = _after_space(text, position + 1)
    if rest < len(text):
        line += text.count("\n", counted, rest)
        yield line, BadRow(path, line, "not JSON: there is text after the end of the array. This text is not read")


def _element(text: str, position: int) -> tuple[Any, int, str | None]:
    """Return the element of an array, the position after the element, and why it is not strict JSON, or None.

    Raises:
        ValueError, RecursionError: It is not known where the element ends.
    """
    try:
        value, end = STRICT_DECODER.raw_decode(text, position)
        return check_json(value), end, None
    except json.JSONDecodeError:
        raise
    except ValueError as error:
        return None, _LENIENT_DECODER.raw_decode(text, position)[1], plain_reason(error)


def _after_space(text: str, position: int) -> int:
    while text[position : position + 1] in tuple(_SPACE):
        position += 1
    return position


def csv_rows(path: Path) -> Iterator[tuple[int, Row | BadRow]]:
    """Yield the rows of a CSV file with a header, together with their line numbers.

    A row is a mapping from the name of a column to the cell, which is a string.

    Raises:
        InputError: The file cannot be read, or the file has no header.
    """
    stream = io.StringIO(read_text(path), newline="")
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
            yield line, BadRow(path, line, f"not CSV: {error}. This row and all later rows are not read")
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

    Keys whose value is null are left out, because Parquet cannot tell a null from a key that is missing. A value that
    JSON does not have, for example a date or NaN, is only an error if the reader needs its column.

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
                    yield number, _TableRow({key: value for key, value in row.items() if value is not None})
    except (OSError, ValueError, ArrowException) as error:
        raise InputError(f"{path} cannot be read: {error}", "Give the path of a Parquet file.") from None


class _TableRow(Mapping[str, Any]):
    """A row of a table. A value is converted to JSON's types when it is read.

    So a column that no reader needs can contain values that JSON does not have.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> Any:
        value = self._values[name]
        try:
            return check_json(without_nulls(as_json(value)))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"the column {name} is not JSON: {error}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def _check_size(path: Path, size: int) -> None:
    if size > MAX_UNPACKED:
        raise InputError(
            f"{path} contains more than {MAX_UNPACKED // 1_000_000} MB when it is unpacked",
            "If you trust the file, write its rows to JSON Lines, or split it into several files.",
        )
