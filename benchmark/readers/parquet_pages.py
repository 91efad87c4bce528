"""Computes how large the pages of a Parquet file are, from the headers of the pages.

The metadata at the end of a file also contains sizes, but these can be wrong. The library that reads the file takes as
much memory for a page as the header of the page says. A header is written in Thrift's compact protocol.

Source: https://parquet.apache.org/docs/file-format and
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["largest_group"]

_UNCOMPRESSED, _COMPRESSED = 2, 3
"""The numbers of the two fields of a page header that contain sizes."""

_MOST_PAGES = 1_000_000
_DEEPEST = 8
_LONGEST_NUMBER = 10
_MOST_PARTS = 1_000


def largest_group(path: Path, metadata: Any) -> int:
    """Return the size of the largest group of rows, in bytes, as the headers of its pages say.

    Args:
        path: The file.
        metadata: The metadata of the file, as pyarrow returns them.

    Raises:
        ValueError: A page has no valid header, or there are too many pages.
    """
    largest = pages = 0
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for index in range(metadata.num_row_groups):
            group, size = metadata.row_group(index), 0
            for number in range(group.num_columns):
                column = group.column(number)
                starts = (column.data_page_offset, column.dictionary_page_offset)
                at = min(start for start in starts if start)
                end = at + column.total_compressed_size
                while at < end:
                    header = _Header(data, at)
                    size += max(header.sizes.get(_UNCOMPRESSED, 0), 0)
                    at = header.at + header.sizes.get(_COMPRESSED, -1)
                    pages += 1
                    if at < header.at or pages > _MOST_PAGES:
                        raise ValueError("the header of a page has no size, or there are too many pages")
            largest = max(largest, size)
    return largest


class _Header:
    """The header of a page.

    Attributes:
        at: Index after the header.
        sizes: The fields that are numbers, by the number of the field.
    """

    def __init__(self, data: mmap.mmap, at: int) -> None:
        self._data, self.at = data, at
        try:
            self.sizes = self._struct(0)
        except (IndexError, OverflowError):
            raise ValueError("a page has no header") from None

    def _byte(self) -> int:
        if self.at < 0:
            raise ValueError("a page has no header")
        self.at += 1
        return self._data[self.at - 1]

    def _unsigned(self) -> int:
        value = 0
        for place in range(_LONGEST_NUMBER):
            byte = self._byte()
            value |= (byte & 0x7F) << 7 * place
            if byte < 0x80:
                return value
        raise ValueError("a number in the header of a page is too long")

    def _signed(self) -> int:
        value = self._unsigned()
        return value >> 1 ^ -(value & 1)

    def _struct(self, depth: int) -> Mapping[int, int]:
        if depth > _DEEPEST:
            raise ValueError("the header of a page is nested too deeply")
        numbers: dict[int, int] = {}
        name = 0
        while (byte := self._byte()) != 0:
            name = name + (byte >> 4) if byte >> 4 else self._signed()
            kind = byte & 0x0F
            if kind in (4, 5, 6):
                numbers[name] = self._signed()
            elif kind not in (1, 2):  # The kind of a boolean is its value.
                self._skip(kind, depth)
        return numbers

    def _skip(self, kind: int, depth: int) -> None:
        if kind in (1, 2, 3):
            self._byte()
        elif kind in (4, 5, 6):
            self._signed()
        elif kind == 7:
            self.at += 8
        elif kind == 8:
            length = self._unsigned()
            self.at += length
        elif kind in (9, 10):
            byte = self._byte()
            count = byte >> 4 if byte >> 4 < 15 else self._unsigned()
            self._parts(count, byte & 0x0F, depth=depth)
        elif kind == 11:
            count = self._unsigned()
            kinds = self._byte() if count else 0
            self._parts(count, kinds >> 4, kinds & 0x0F, depth=depth)
        elif kind == 12:
            self._struct(depth + 1)
        else:
            raise ValueError("the header of a page has a field of an unknown kind")

    def _parts(self, count: int, *kinds: int, depth: int) -> None:
        if count > _MOST_PARTS or depth > _DEEPEST:
            raise ValueError("the header of a page has too many parts")
        for _ in range(count):
            for kind in kinds:
                self._skip(kind, depth + 1)
