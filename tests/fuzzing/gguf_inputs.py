"""Damaged GGUF files: the header of a tiny model is damaged, or its weights."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random

from tests.fuzzing.input_kinds import InputKind
from tests.fuzzing.mutations import damaged_bytes
from tests.fuzzing.samples import CASE_LINES

__all__ = ["GGUF_INPUTS"]

_POCKET = Path(__file__).parents[2] / "benchmark" / "engine" / "pocket"
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_STRINGS = (b"", b"\xff\xfe", b"\xed\xa0\x80", b"\x00", b"\x1b[2J\x07", b"a" * 70_000, "\u202eabc".encode(), b"llama")
_TEMPLATES = (b"{{ 1 / 0 }}", b"{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", b"{%")


@dataclass(slots=True)
class _Header:
    """The parts of a header, each as bytes, and the places of the numbers in the part that is read at the moment."""

    fields: list[bytes] = field(default_factory=list)
    tensors: list[bytes] = field(default_factory=list)
    rest: bytes = b""
    places: dict[bytes, list[tuple[int, str]]] = field(default_factory=dict)

    def whole(self, counts: tuple[int, int] | None = None) -> bytes:
        """Return the file. `counts` are other numbers of tensors and fields than the right ones."""
        tensors, fields = counts or (len(self.tensors), len(self.fields))
        head = b"GGUF" + struct.pack("<IQQ", 3, tensors % 2**64, fields % 2**64) + b"".join(self.fields + self.tensors)
        return head + bytes(-len(head) % 32) + self.rest


class _Reader:
    """Reads the parts of a header that is right, and notes where numbers are."""

    def __init__(self, data: bytes) -> None:
        self._data, self.at = data, 4
        self._start, self._places = 0, [(0, "")]

    def number(self, form: str) -> int:
        (value,) = struct.unpack_from(f"<{form}", self._data, self.at)
        self._places.append((self.at - self._start, form))
        self.at += struct.calcsize(f"<{form}")
        return int(value)

    def text(self) -> None:
        length = self.number("Q")
        self.at += length

    def part(self, header: _Header, read: Callable[[], None]) -> bytes:
        self._start, self._places = self.at, []
        read()
        part = self._data[self._start : self.at]
        header.places[part] = self._places[:12]
        return part

    def field(self) -> None:
        self.text()
        kind = self.number("I")
        if kind == _STRING:
            self.text()
        elif kind == _ARRAY:
            kind = self.number("I")
            for _ in range(self.number("Q")):
                self.text() if kind == _STRING else self.number(_NUMBERS[kind])
        else:
            self.number(_NUMBERS[kind])

    def tensor(self) -> None:
        self.text()
        for _ in range(self.number("I")):
            self.number("Q")
        self.number("I")
        self.number("Q")


@cache
def _good() -> bytes:
    from tests.gguf_files import random_llama, write_gguf

    with tempfile.TemporaryDirectory() as folder:
        return write_gguf(Path(folder) / "m.gguf", random_llama(), _POCKET).read_bytes()


def _parts() -> _Header:
    data = _good()
    reader, header = _Reader(data), _Header()
    reader.number("I")
    tensors, fields = reader.number("Q"), reader.number("Q")
    header.fields = [reader.part(header, reader.field) for _ in range(fields)]
    header.tensors = [reader.part(header, reader.tensor) for _ in range(tensors)]
    header.rest = data[reader.at + -reader.at % 32 :]
    return header


def _number(header: _Header, random: Random) -> bytes:
    """Another number in a field or a tensor: a value, a length, a type, a dimension, or an offset."""
    parts = random.choice((header.fields, header.fields, header.tensors))
    index = random.randrange(len(parts))
    at, form = random.choice(header.places[parts[index]])
    size = struct.calcsize(f"<{form}")
    (own,) = struct.unpack_from(f"<{form}", parts[index], at)
    if form in "fd":
        written = struct.pack(f"<{form}", random.choice((0.0, -1.0, float("nan"), float("inf"), 1e38, own * 2)))
    else:
        wild = (0, 1, 2, 3, 9, 12, 255, 1000, 2**31, 2**32 - 1, 2**63, 2**64 - 1, own + 1, own - 1, own * 2, own // 2)
        written = (int(random.choice(wild)) % 2 ** (8 * size)).to_bytes(size, "little")
    parts[index] = parts[index][:at] + written + parts[index][at + size :]
    return header.whole()


def _text(header: _Header, random: Random) -> bytes:
    """Another name, another value that is a string, or another token."""
    parts = random.choice((header.fields, header.fields, header.tensors))
    index = random.randrange(len(parts))
    lengths = [at for at, form in header.places[parts[index]] if form == "Q"]
    at = random.choice(lengths)
    (length,) = struct.unpack_from("<Q", parts[index], at)
    put = random.choice(_STRINGS + _TEMPLATES)
    parts[index] = parts[index][:at] + struct.pack("<Q", len(put)) + put + parts[index][at + 8 + length :]
    return header.whole()


def _kind(header: _Header, random: Random) -> bytes:
    """A field with a value of another type."""
    index = random.randrange(len(header.fields))
    name_length = int.from_bytes(header.fields[index][:8], "little")
    head = header.fields[index][: 8 + name_length]
    kind = random.choice((*_NUMBERS, _STRING, _ARRAY))
    number = struct.pack("<Q", random.choice((0, 1, 2, 7, 2**40)))
    value = {
        _STRING: struct.pack("<Q", 3) + b"abc",
        _ARRAY: struct.pack("<IQ", 4, 2) + struct.pack("<II", 1, 2),
    }.get(kind) or number[: struct.calcsize(f"<{_NUMBERS[kind]}")]
    header.fields[index] = head + struct.pack("<I", kind) + value
    return header.whole()


def _part(header: _Header, random: Random) -> bytes:
    """A part that is missing, is there twice, or stands elsewhere."""
    parts = random.choice((header.fields, header.tensors))
    index = random.randrange(len(parts))
    match random.randrange(3):
        case 0:
            del parts[index]
        case 1:
            parts.insert(index, parts[index])
        case _:
            random.shuffle(parts)
    return header.whole()


def _counts(header: _Header, random: Random) -> bytes:
    counts = [len(header.tensors), len(header.fields)]
    index = random.randrange(2)
    counts[index] = random.choice((0, 1, counts[index] - 1, counts[index] + 1, 2**31, 2**40, 2**64 - 1))
    return header.whole((counts[0], counts[1]))


def _cut(header: _Header, random: Random) -> bytes:
    data = header.whole()
    return data[: random.randrange(random.choice((64, 4_000, len(data) - len(header.rest), len(data))))]


def _bytes(header: _Header, random: Random) -> bytes:
    data = header.whole()
    end = len(data) - len(header.rest)
    return damaged_bytes(data[:end], random) + data[end:]


def _weights(header: _Header, random: Random) -> bytes:
    put = random.choice((b"\xff", b"\x00", b"\x7f")) * 4_000
    at = random.randrange(len(header.rest) - len(put))
    header.rest = header.rest[:at] + put + header.rest[at + len(put) :]
    return header.whole()


_DAMAGES: Mapping[Callable[[_Header, Random], bytes], int] = {
    _number: 6,
    _text: 3,
    _kind: 3,
    _part: 2,
    _counts: 1,
    _cut: 2,
    _bytes: 2,
    _weights: 1,
}
"""The ways to damage a file, with their weights."""


def _model(random: Random, folder: Path) -> list[str]:
    (damage,) = random.choices(list(_DAMAGES), list(_DAMAGES.values()))
    (folder / "m.gguf").write_bytes(damage(_parts(), random))
    (folder / "c.test.jsonl").write_bytes(CASE_LINES.partition(b"\n")[0] + b"\n")
    return ["eval", "--model", "m.gguf", "--cases", "c.test.jsonl", "--max-tokens", "3", "-q"]


GGUF_INPUTS = (InputKind("gguf files", _model, quick=1, environment=lambda: {"XDG_CACHE_HOME": "cache"}),)
