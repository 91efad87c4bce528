"""Reads and checks the header of a GGUF file, before a library reads the file.

The author of a file can be anybody. Libraries take as much memory as the header says, and make as many layers. So this
module compares every length and every number in the header with the size of the file. It does not load the weights.

A GGUF file has these parts, with all numbers in little-endian order:

    magic, version, number of tensors, number of fields
    fields    name, type, value; a value is a number, a string or an array
    tensors   name, shape, type, offset
    padding, and the data of the tensors

Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

from toolmark.benchmark.candidates.module_limit import most_modules
from toolmark.benchmark.core.errors import EnvironmentFault, InputError, reading
from toolmark.benchmark.core.printing import printable

__all__ = ["GgufHeader", "read_gguf_header"]

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)

_NUMBERS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
"""The types of fields that are numbers, each with its format for `struct`."""

_STRING, _ARRAY = 8, 9

_SMALLEST_FIELD, _SMALLEST_TENSOR = 13, 24
"""The smallest number of bytes of a field and of the description of a tensor."""

_MOST_VALUES = 3_000_000
"""The largest number of values of all arrays together. The largest vocabularies have 1.5 million tokens, scores, types
and merges."""

_MOST_FIELDS, _MOST_TENSORS = 10_000, 200_000

_LONGEST_NAME = 65_535

_MOST_DIMENSIONS = 4

_LONGEST_ARRAY = 10_000
"""The largest number of values of an array of numbers that is returned. Such arrays have a value for each layer. The
longer arrays describe the tokens of the vocabulary."""

_NUMBERS_OF_MODULES = ("_count", "_layers")
"""The ends of the names of fields that contain a number of layers, heads or experts."""

_TOKENS = "tokenizer.ggml.tokens"


class _Broken(Exception):
    """The header contradicts itself or the size of the file."""


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """The checked header of a GGUF file.

    Attributes:
        fields: The numbers and strings of the header.
        arrays: The arrays. Only short arrays of numbers have their values, and the other arrays are empty.
        tokens: The tokens of the vocabulary. The index of a token is its id.
        tensors: The shape of each tensor, by its name in the file.
    """

    fields: Mapping[str, int | float | str]
    tokens: tuple[str, ...]
    tensors: Mapping[str, tuple[int, ...]]
    arrays: Mapping[str, tuple[int | float, ...]] = field(default_factory=dict)

    @property
    def parameters(self) -> int:
        """Return the number of weights of all tensors."""
        return sum(prod(shape) for shape in self.tensors.values())

    @property
    def architecture(self) -> str:
        """Return the name of the architecture, or an empty string."""
        return str(self.fields.get("general.architecture", ""))

    def setting(self, name: str, default: Any = None) -> Any:
        """Return the number or string in a field of the architecture, or `default` if there is no such field."""
        return self.fields.get(f"{self.architecture}.{name}", default)

    @property
    def has_template(self) -> bool:
        """Return whether the file contains a chat template."""
        return bool(self.fields.get("tokenizer.chat_template"))


def read_gguf_header(file: Path) -> GgufHeader:
    """Return the header of a GGUF file.

    Raises:
        InputError: The file is not a GGUF file, is not complete, or has an impossible header.
        EnvironmentFault: The package `gguf` is not installed, or the file cannot be read.
    """
    try:
        with reading(file), file.open("rb") as stream:
            if (start := stream.read(len(_MAGIC))) != _MAGIC:
                raise _Broken(f"it begins with {start!r} instead of {_MAGIC!r}")
            with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _read(_Cursor(data))
    except _Broken as error:
        raise InputError(
            f"{file} is not a complete GGUF file: {error}", "Download or copy the file again, or convert it again."
        ) from None


class _Cursor:
    """Reads values from the bytes of a file, one after the other."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data = data
        self.position = len(_MAGIC)
        self.values = 0

    @property
    def left(self) -> int:
        """Return the number of bytes that are not read yet."""
        return len(self.data) - self.position

    def number(self, form: str) -> int | float:
        size = struct.calcsize(form)
        if size > self.left:
            raise _Broken("the file ends inside the header")
        (value,) = struct.unpack_from(form, self.data, self.position)
        self.position += size
        number: int | float = value
        return number

    def count(self, what: str, smallest: int, most: int) -> int:
        """Read a number of parts. Each part has at least `smallest` bytes."""
        count = int(self.number("<Q"))
        if count > most or count * smallest > self.left:
            raise _Broken(f"the header names {count:,} {what}, but {self.left:,} bytes follow and {most:,} are allowed")
        return count

    def raw(self, longest: int | None = None) -> bytes:
        length = int(self.number("<Q"))
        if length > self.left or (longest is not None and length > longest):
            raise _Broken(f"a string has {length:,} bytes, but {self.left:,} bytes follow")
        self.position += length
        return self.data[self.position - length : self.position]

    def text(self, longest: int | None = None) -> str:
        try:
            return self.raw(longest).decode("utf-8")
        except UnicodeDecodeError as error:
            raise _Broken(f"a string is not UTF-8 ({error.reason})") from None

    def array(self, name: str) -> tuple[str, ...] | tuple[int | float, ...]:
        """Read an array. Only the tokens of the vocabulary and short arrays of numbers are returned."""
        kind = int(self.number("<I"))
        if kind != _STRING and kind not in _NUMBERS:
            raise _Broken(f"the array {printable(name)[:80]} has values of the unknown type {kind}")
        size = 8 if kind == _STRING else struct.calcsize(_NUMBERS[kind])
        count = self.count(f"values in {printable(name)[:80]}", size, _MOST_VALUES - self.values)
        self.values += count
        if kind != _STRING:
            if count > _LONGEST_ARRAY and name.endswith(_NUMBERS_OF_MODULES):
                raise _Broken(f"the array {printable(name)[:80]} has {count:,} values")
            if count <= _LONGEST_ARRAY:
                return tuple(self.number(_NUMBERS[kind]) for _ in range(count))
            self.position += count * size
            return ()
        if name == _TOKENS:
            return tuple(self.text() for _ in range(count))
        for _ in range(count):
            self.raw()
        return ()


def _read(cursor: _Cursor) -> GgufHeader:
    version = int(cursor.number("<I"))
    if version not in _VERSIONS:
        swapped = int.from_bytes(version.to_bytes(4, "little"), "big") in _VERSIONS
        order = ", in big-endian order, which is not supported" if swapped else ""
        raise _Broken(f"its version is {version}{order}; the versions {' and '.join(map(str, _VERSIONS))} are read")
    tensors = cursor.count("tensors", _SMALLEST_TENSOR, _MOST_TENSORS)
    fields: dict[str, int | float | str] = {}
    arrays: dict[str, tuple[Any, ...]] = {}
    for _ in range(cursor.count("fields", _SMALLEST_FIELD, _MOST_FIELDS)):
        name = cursor.text(_LONGEST_NAME)
        if name in fields or name in arrays:  # Libraries do not agree about which of the two values is used.
            raise _Broken(f"the field {printable(name)[:80]} occurs twice")
        kind = int(cursor.number("<I"))
        if kind == _ARRAY:
            arrays[name] = cursor.array(name)
        elif kind == _STRING:
            fields[name] = cursor.text()
        elif kind in _NUMBERS:
            fields[name] = cursor.number(_NUMBERS[kind])
        else:
            raise _Broken(f"the field {printable(name)[:80]} has the unknown type {kind}")
        if name.endswith(_NUMBERS_OF_MODULES):
            _check_count(name, fields.get(name, arrays.get(name)), tensors)
    tokens = tuple(token for token in arrays.pop(_TOKENS, ()) if isinstance(token, str))
    return GgufHeader(fields, tokens, _tensors(cursor, tensors, fields), arrays)


def _check_count(name: str, value: Any, tensors: int) -> None:
    """Check a number of layers, heads or experts. An array has such a number for each layer."""
    for one in value if isinstance(value, tuple) else (value,):
        if isinstance(one, int | float) and not 0 <= one <= most_modules(tensors):
            raise _Broken(f"{printable(name)[:80]} is {one:,}, but there are only {tensors:,} tensors")


def _tensors(cursor: _Cursor, count: int, fields: Mapping[str, object]) -> dict[str, tuple[int, ...]]:
    """Read the descriptions of the tensors, and check that the data of each tensor lies in the file."""
    sizes = _block_sizes()
    shapes: dict[str, tuple[int, ...]] = {}
    ends: dict[str, int] = {}
    for _ in range(count):
        name = cursor.text(_LONGEST_NAME)
        dimensions = int(cursor.number("<I"))
        if dimensions > _MOST_DIMENSIONS:
            raise _Broken(f"the tensor {printable(name)[:80]} has {dimensions:,} dimensions")
        shapes[name] = shape = tuple(int(cursor.number("<Q")) for _ in range(dimensions))
        kind, offset = int(cursor.number("<I")), int(cursor.number("<Q"))
        if kind not in sizes:
            raise _Broken(f"the tensor {printable(name)[:80]} has the unknown type {kind}")
        weights, stored = sizes[kind]
        ends[name] = offset + -(-prod(shape) // weights) * stored
    if len(shapes) != count:
        raise _Broken("two tensors have the same name")
    alignment = fields.get("general.alignment", 32)
    if not isinstance(alignment, int) or not 0 < alignment <= 1 << 20:
        raise _Broken(f"general.alignment is {alignment}")
    start = -(-cursor.position // alignment) * alignment
    last = max(ends, key=lambda name: ends[name], default="")
    if last and start + ends[last] > len(cursor.data):
        raise _Broken(
            f"the tensor {printable(last)[:80]} ends at byte {start + ends[last]:,}, but the file has only "
            f"{len(cursor.data):,} bytes"
        )
    return shapes


def _block_sizes() -> dict[int, tuple[int, int]]:
    """Return the number of weights and the number of bytes of a block, for each type of tensors."""
    try:
        from gguf import GGML_QUANT_SIZES
    except ImportError:
        raise EnvironmentFault(
            "a GGUF file needs the package gguf, which is not installed",
            "Install the package: pip install 'toolmark[gguf]'",
        ) from None
    return {int(kind): sizes for kind, sizes in GGML_QUANT_SIZES.items()}
