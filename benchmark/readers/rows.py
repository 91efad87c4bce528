"""Rows of other people's files: JSON lines, one JSON array, CSV, plain or gzipped, or Parquet, as hubs keep data sets.

Each comes with the line at which it begins; of a Parquet file, with its number.

JSON is read strictly: no `NaN`, no key written twice, no half of a surrogate pair, no bottomless nesting. What a row
says is the reader's affair: it raises `ValueError` with the reason, and the row becomes a `BadRow`.
"""

from __future__ import annotations

import ast
import csv
import gzip
import io
import json
import math
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.readers import BadRow

__all__ = [
    "convert",
    "converted",
    "csv_rows",
    "data_files",
    "field",
    "json_rows",
    "parquet_rows",
    "python_literal",
    "read_text",
    "reason",
    "strict_json",
    "tables",
]

MAX_DEPTH = 64
MAX_LITERAL = 1 << 20
"""Characters of a Python literal that are parsed at all."""
_MAX_CELL = 1 << 24
_SPACE = " \t\r\n"
_BATCH = 256
PARQUET = ".parquet"

Row = Mapping[str, Any]
Kind = TypeVar("Kind")


def read_text(path: Path) -> str:
    """The text of a file, UTF-8, unpacked where its name ends in `.gz`.

    Raises:
        InputError: It cannot be read.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            return stream.read().decode("utf-8")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}", "Name a readable file of UTF-8 text.") from None


def data_files(path: Path, *suffixes: str) -> list[Path]:
    """`path` itself, or the files in it whose names end in one of `suffixes`, sorted by name.

    Raises:
        InputError: There is no such file or folder, or the folder has no such file.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError(f"there is no data at {str(path)!r}", "Name an existing file or folder.")
    found = sorted(file for file in path.iterdir() if file.is_file() and file.name.endswith(suffixes))
    if not found:
        raise InputError(f"{path} has no file named *{' or *'.join(suffixes)}", "Name the file itself.")
    return found


def tables(path: Path, *names: str) -> list[Path]:
    """`data_files` of these names or of Parquet; of a folder without any, those in the folders below it.

    Raises:
        InputError: There is none.
    """
    wanted = (*names, PARQUET)
    if path.is_dir() and not any(file.name.endswith(wanted) for file in path.iterdir() if file.is_file()):
        below = [file for file in path.rglob("*") if file.is_file() and file.name.endswith(wanted)]
        if found := sorted(file for file in below if not any(part.startswith(".") for part in _parts(file, path))):
            return found
    return data_files(path, *wanted)


def _parts(file: Path, folder: Path) -> tuple[str, ...]:
    return file.relative_to(folder).parts


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {twice!r} is written twice in one object")
    return fields


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)


def _sound(value: Any) -> Any:
    """`value`, if no string in it holds half of a surrogate pair, no number is infinite and it is not too deep."""
    level = [value]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for item in level:
            if isinstance(item, Mapping):
                below += [*item.keys(), *item.values()]
            elif isinstance(item, list | tuple):
                below += item
            elif isinstance(item, float) and not math.isfinite(item):
                raise ValueError("a number is too large for JSON's doubles")
            elif isinstance(item, str) and not item.isascii():
                try:
                    item.encode()
                except UnicodeEncodeError:
                    raise ValueError("a string holds half of a surrogate pair, which no tokenizer can read") from None
        if not below:
            return value
        level = below
    raise ValueError(f"nested deeper than {MAX_DEPTH} levels")


def strict_json(text: str) -> Any:
    """One JSON value with nothing but white-space around it.

    Raises:
        ValueError: It is none; a `json.JSONDecodeError` where the place is known.
    """
    try:
        return _sound(json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def python_literal(text: str) -> Any:
    """A Python literal of JSON's types (tuples are lists); nothing is evaluated.

    Raises:
        ValueError: It is none, it is longer than 1 MB, or it is nested too deeply.
    """
    if len(text) > MAX_LITERAL:
        raise ValueError(f"a literal of {len(text)} characters is longer than {MAX_LITERAL}")
    try:
        return _sound(_as_json(ast.literal_eval(text.strip())))
    except (SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError(f"not a Python literal: {error}") from None


def _as_json(value: Any) -> Any:
    match value:
        case dict():
            if not all(isinstance(key, str) for key in value):
                raise ValueError("a key is not a string")
            return {key: _as_json(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_as_json(inner) for inner in value]
        case None | bool() | int() | float() | str():
            return value
    raise ValueError(f"{type(value).__name__} is no type of JSON")


def json_rows(path: Path) -> Iterator[tuple[int, Row | BadRow]]:
    """The objects of a JSONL file, or of a file that is one JSON array, with the line at which each begins.

    Raises:
        InputError: The file cannot be read.
    """
    text = read_text(path)
    if text.lstrip(_SPACE).startswith("["):
        yield from _array(path, text)
        return
    for number, line in enumerate(text.split("\n"), start=1):  # not splitlines(): U+2028 may stand inside a string
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
        return BadRow(path, number, f"a row is a JSON object, not {type(row).__name__}", 1)
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
            value, position = _DECODER.raw_decode(text, position)
            _sound(value)
        except (ValueError, RecursionError) as error:
            # What follows a broken element cannot be told from its inside.
            yield line, BadRow(path, line, f"not JSON: {error}; this element and all behind it are not read")
            return
        if isinstance(value, dict):
            yield line, value
        else:
            yield line, BadRow(path, line, f"a row is a JSON object, not {type(value).__name__}")


def csv_rows(path: Path) -> Iterator[tuple[int, Row | BadRow]]:
    """The rows of a CSV file with a header, as texts by column, with the line at which each begins.

    Raises:
        InputError: The file cannot be read, or has no header.
    """
    stream = io.StringIO(read_text(path).removeprefix("\ufeff"), newline="")
    csv.field_size_limit(_MAX_CELL)
    lines = csv.reader(stream, strict=True)
    try:
        header = next(lines, None)
    except csv.Error as error:
        raise InputError(f"{path}:1: {error}", "Its first line names the columns.") from None
    if not header or len(set(header)) < len(header):
        raise InputError(f"{path} has no header of different columns", "Its first line names the columns.")
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
            yield line, BadRow(path, line, f"{len(cells)} cells under {len(header)} columns")
            continue
        yield line, dict(zip(header, cells, strict=True))


def parquet_rows(path: Path) -> Iterator[tuple[int, Row | BadRow]]:
    """The rows of a Parquet file, with their numbers, as JSON would hold them.

    Raises:
        InputError: The file cannot be read.
        EnvironmentFault: The package that reads it is not installed.
    """
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise EnvironmentFault(
            f"{path} is Parquet, which needs the package 'pyarrow'", "Install it: pip install 'toolmark[generate]'"
        ) from None
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH):
                for row in batch.to_pylist():
                    number += 1
                    try:
                        yield number, _sound(_as_json(row))
                    except (ValueError, RecursionError) as error:
                        yield number, BadRow(path, number, f"not JSON: {error}")
    except (OSError, ArrowException) as error:
        raise InputError(f"{path} cannot be read: {error}", "Name a readable Parquet file.") from None


def field(row: Row, name: str, kind: type[Kind]) -> Kind:
    """A field of `row` that must be there.

    Raises:
        ValueError: It is missing, or of another type.
    """
    if name not in row:
        raise ValueError(f"the field {name} is missing")
    value = row[name]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"the field {name} is a {kind.__name__}, not {value!r:.80}")
    return value


def reason(error: Exception, prefix: tuple[str | int, ...] = ()) -> str:
    """What is wrong with a row, in one line."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        where = ".".join(str(part) for part in (*prefix, *first["loc"]))
        return f"{where}: {first['msg']}" if where else first["msg"]
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


def convert(
    path: Path, rows: Iterator[tuple[int, Row | BadRow]], made: Callable[[Row, int], Case | Trace]
) -> Iterator[Case | Trace | BadRow]:
    """What `made` makes of each row and its line; a `ValueError` of it is a bad row."""
    for line, row in rows:
        if isinstance(row, BadRow):
            yield row
            continue
        try:
            read = made(row, line)
            yield read.model_copy(update={"line": line}) if isinstance(read, Trace) else read
        except (ValueError, RecursionError) as error:
            yield BadRow(path, line, reason(error)[:500])


def converted(
    path: Path, suffixes: tuple[str, ...], made: Callable[[Row, str], Case | Trace]
) -> Iterator[Case | Trace | BadRow]:
    """What `made` makes of each JSON row of a file, or of a folder's files, and its reference `file:line`.

    Raises:
        InputError: There is no file, or one cannot be read.
    """
    for file in tables(path, *suffixes):
        rows = parquet_rows(file) if file.name.endswith(PARQUET) else json_rows(file)
        yield from convert(file, rows, lambda row, line, name=file.name: made(row, f"{name}:{line}"))  # type: ignore[misc]
