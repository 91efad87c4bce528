"""Reads a YAML or JSON file as JSON values, with the line of each value for error messages.

The values are made from the events of the parser, without a YAML loader. For this reason, all values have JSON types,
tags cannot make objects, and a file with too many values is refused before the end of the file is reached.

JSON is valid YAML, so one parser reads both. The parser is libyaml, which is 200 times faster than a parser in Python.
A value without quotes has the type that YAML 1.2 gives it. For example, `no` is a string and not a boolean. The merge
key `<<` of YAML 1.1 is also read, because many files share values with it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.nodes import ScalarNode
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    ScalarEvent,
)

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.regular_files import regular
from toolmark.benchmark.tools.sources import LocatedError

__all__ = ["LOADER", "MAX_BYTES", "MAX_DEPTH", "Place", "YamlDocument", "kind_of"]

MAX_BYTES = 32_000_000
MAX_VALUES = 1_000_000
"""Largest number of values that are written in a file. The largest public OpenAPI files have several 100,000."""
MAX_SHARED = 200_000
"""Largest number of values that aliases add, because a small file can contain billions of them."""
MAX_DEPTH = 64

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PREFIX = "tag:yaml.org,2002:"
_STARTS_OF_TYPES = frozenset(("", *"+-.0123456789~tTfFnN<="))
"""A value without quotes is possibly not a string in YAML 1.2 if it begins with one of these characters or is empty."""
_BASES = {"0x": 16, "0o": 8, "0b": 2}
_SURROGATES = re.compile(r"(?<!\\)((?:\\\\)*)(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})")
"""A pair of surrogates. JSON writes a character above U+FFFF as these two escapes, but YAML writes it as one escape."""

Place = tuple[str | int, ...]


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end is not yet read.

    Attributes:
        value: The mapping or list.
        place: The keys and indices that lead to the mapping or list.
        anchor: The anchor of the mapping or list, or None. An alias can name the anchor.
        before: Number of values that were read before the mapping or list.
        key: The key of the next value. None in a list, and if the next scalar is a key.
        levels: Number of levels of values inside the mapping or list.
        merges: Whether the next value belongs to a merge key.
        merged: The mappings that merge keys add. If several have the same key, the first counts.
    """

    value: dict[str, Any] | list[Any]
    place: Place
    anchor: str | None
    before: int
    key: str | None = None
    levels: int = 0
    merges: bool = False
    merged: list[dict[str, Any]] = field(default_factory=list)

    def merge(self, value: Any) -> bool:
        """Add the value of a merge key. Return whether it is a mapping or a list of mappings."""
        self.merges = False
        listed = value if isinstance(value, list) else [value]
        self.merged += (one for one in listed if isinstance(one, dict))
        return all(isinstance(one, dict) for one in listed)

    def close(self) -> None:
        """Add the keys of the merged mappings that the mapping does not have."""
        if isinstance(self.value, dict):
            for merged in self.merged:
                self.value |= {key: value for key, value in merged.items() if key not in self.value}


@dataclass
class YamlDocument:
    """A file that is being read.

    Attributes:
        path: The file.
        lenient: If True, a date is read as a string, and a key that is not a string is also read as a string. If False,
            both are errors, because the author of the file has usually forgotten the quotes.
        lines: The line of each value, from 1. The key is the place of the value: the keys and indices that lead to it.
    """

    path: Path
    lenient: bool = False
    lines: dict[Place, int] = field(default_factory=dict)

    def load(self) -> Any:
        """Return the content of the file.

        Raises:
            LocatedError: The file is empty, too large or not YAML, or has values that JSON does not have.
            InputError: The file cannot be read.
        """
        try:
            with regular(self.path).open("rb") as file:
                content = file.read(MAX_BYTES + 1)
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InputError(f"{self.path}: not UTF-8 text: {error.reason}", "Save the file as UTF-8.") from None
        except OSError as error:
            raise InputError(
                f"Cannot read {self.path}: {error.strerror}", "Give the path of a file that you can read."
            ) from None
        if len(content) > MAX_BYTES:
            raise self.error((), f"the file has more than {MAX_BYTES // 1_000_000} MB", "Split the file.")
        try:
            return _Values(self).read(yaml.parse(_SURROGATES.sub(_joined, text), Loader=LOADER))
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = f"{self.path}:{mark.line + 1 if mark else 1}"
            raise LocatedError(place, f"invalid YAML: {error.problem}", "Correct the YAML.") from None
        except yaml.YAMLError as error:
            reason = " ".join(str(error).split())
            raise LocatedError(f"{self.path}:1", f"invalid YAML: {reason}", "Correct the YAML.") from None

    def at(self, place: Place) -> str:
        """Return the `file:line` of the value at `place`, or of its nearest parent if there is no value."""
        while place and place not in self.lines:
            place = place[:-1]
        return f"{self.path}:{self.lines.get(place, 1)}"

    def error(self, place: Place, what: str, fix: str = "Correct the form of the value.") -> LocatedError:
        """Return an error that contains the file and the line of `place`."""
        return LocatedError(self.at(place), what, fix)


class _Values:
    """Makes the values of a document from the events of the parser.

    An alias is replaced by the value that it names. Each alias counts as all values inside its value, so that a small
    file cannot make a huge document.
    """

    def __init__(self, document: YamlDocument) -> None:
        self._document = document
        self._resolver = YAML(typ="safe", pure=True).resolver
        self._open: list[_Open] = []
        self._named: dict[str, tuple[Any, int, int]] = {}
        self._count = 0
        self._shared = 0
        self._result: Any = None

    def read(self, events: Iterator[Event]) -> Any:
        documents = 0
        for event in events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    line = event.start_mark.line + 1
                    raise LocatedError(f"{self._document.path}:{line}", "a second document begins", "Remove the ---.")
            elif isinstance(event, ScalarEvent | AliasEvent | CollectionStartEvent):
                self._value(event)
            elif isinstance(event, CollectionEndEvent):
                closed = self._open.pop()
                closed.close()
                if self._open and self._open[-1].merges:
                    self._merge(self._open[-1], closed.value, closed.place)
                if closed.anchor is not None:
                    self._named[closed.anchor] = (closed.value, self._count - closed.before, closed.levels)
                self._deepen(closed.levels)
        if not self._count:
            raise self._document.error((), "the file is empty", "List at least one tool.")
        return self._result

    def _value(self, event: Event) -> None:
        """Read one value. If the next value of a mapping has no key yet, read the key instead."""
        inside = self._open[-1] if self._open else None
        if inside is not None and isinstance(inside.value, dict) and inside.key is None:
            inside.key = self._key(event, inside)
            return
        place: Place = ()
        if inside is not None:
            place = (*inside.place, len(inside.value) if inside.key is None else inside.key)
        # If the value has a key, `lines` already contains the line of the key. This line is kept.
        self._document.lines.setdefault(place, event.start_mark.line + 1)
        value, levels = self._alias(event, place) if isinstance(event, AliasEvent) else (self._new(event, place), 0)
        self._check_size(place, levels)
        if inside is None:
            self._result = value
        elif isinstance(inside.value, list):
            inside.value.append(value)
        elif inside.merges:
            inside.key = None
            if not isinstance(event, CollectionStartEvent):  # The keys of a collection are not read yet.
                self._merge(inside, value, place)
        else:
            inside.value[str(inside.key)] = value
            inside.key = None
        if isinstance(event, CollectionStartEvent):
            self._open.append(_Open(value, place, event.anchor, self._count - 1))
        else:
            self._deepen(levels)

    def _check_size(self, place: Place, levels: int) -> None:
        if len(place) + levels > MAX_DEPTH:
            raise self._document.error(
                place, f"the file has more than {MAX_DEPTH} levels", "Remove some of the levels."
            )
        if self._shared > MAX_SHARED:
            what = f"aliases (*) add more than {MAX_SHARED:,} values to the file"
            raise self._document.error(place, what, "Use fewer aliases, or split the file.")
        if self._count - self._shared > MAX_VALUES:
            raise self._document.error(place, f"the file has more than {MAX_VALUES:,} values", "Split the file.")

    def _merge(self, inside: _Open, value: Any, place: Place) -> None:
        if not inside.merge(value):
            raise self._document.error(place, "the value of << is not a mapping", "Write an alias, as in <<: *NAME.")

    def _deepen(self, levels: int) -> None:
        """Update the levels of the innermost open value, which contains a value with this number of levels."""
        if self._open:
            self._open[-1].levels = max(self._open[-1].levels, levels + 1)

    def _key(self, event: Event, inside: _Open) -> str:
        key = event.value if isinstance(event, ScalarEvent) else ""
        place = (*inside.place, key)
        self._document.lines[place] = event.start_mark.line + 1
        kind = self._kind(event) if isinstance(event, ScalarEvent) else None
        inside.merges = kind == "merge"
        if inside.merges:
            return key
        if not isinstance(event, ScalarEvent) or (kind != "str" and not self._document.lenient):
            raise self._document.error(place, f"the key {key!r} is not a string", "Put the key in quotes.")
        if key in inside.value:
            raise self._document.error(place, f"the key {key!r} appears twice", "Remove one of the two.")
        if event.anchor is not None:
            self._named[event.anchor] = (key, 1, 0)
        return str(key)

    def _new(self, event: Event, place: Place) -> Any:
        self._count += 1
        value: Any
        if isinstance(event, ScalarEvent):
            value = self._scalar(event, place)
        else:
            value, kind = ({}, "map") if isinstance(event, MappingStartEvent) else ([], "seq")
            if event.tag not in (None, "!", _PREFIX + kind):
                raise self._document.error(
                    place, f"the tag {event.tag} is not allowed", "Use only values without tags."
                )
        if event.anchor is not None:
            self._named[event.anchor] = (value, 1, 0)
        return value

    def _alias(self, event: AliasEvent, place: Place) -> tuple[Any, int]:
        """Return the value that an alias names, and the number of levels inside the value."""
        if event.anchor not in self._named:
            raise self._document.error(
                place, f"there is no value with the anchor {event.anchor!r}", "Correct the alias."
            )
        if any(one.anchor == event.anchor for one in self._open):
            raise self._document.error(place, f"the value *{event.anchor} contains itself", "Remove the alias.")
        value, count, levels = self._named[event.anchor]
        self._count += count
        self._shared += count
        return value, levels

    def _kind(self, event: ScalarEvent) -> str:
        """Return the type of a scalar in YAML 1.2, for example `int`."""
        if event.tag not in (None, "!"):
            return str(event.tag).removeprefix(_PREFIX)
        if event.tag == "!" or not event.implicit[0] or event.value[:1] not in _STARTS_OF_TYPES:
            return "str"
        return str(self._resolver.resolve(ScalarNode, event.value, (True, False))).removeprefix(_PREFIX)

    def _scalar(self, event: ScalarEvent, place: Place) -> Any:
        kind, text = self._kind(event), event.value
        # `=` and `<<` are not strings in YAML 1.1. As values, for example in an enum of comparisons, they are strings.
        if kind in ("str", "value", "merge") or (kind == "timestamp" and self._document.lenient):
            return text
        if kind == "timestamp":
            raise self._document.error(place, f"YAML reads {text} as a date", f'Put the value in quotes: "{text}".')
        if kind not in _MADE:
            raise self._document.error(
                place, f"the tag {event.tag or kind} is not allowed", "Use only values without tags."
            )
        try:
            return _MADE[kind](text)
        except (ValueError, KeyError, OverflowError):
            shown = f"{text:.40}…" if len(text) > 40 else text
            raise self._document.error(
                place, f"{shown!r} is not a value of the type {kind} that JSON has", "Put the value in quotes."
            ) from None


def _joined(pair: re.Match[str]) -> str:
    high, low = (int(part, 16) for part in pair[2].split("\\u")[1:])
    return f"{pair[1]}{chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))}"


def _int(text: str) -> int:
    digits = text.replace("_", "")
    body = digits.lstrip("+-").lower()
    base = _BASES.get(body[:2], 10)
    # Python has a limit for the number of decimal digits. Here, numbers in other bases have a limit, too.
    if len(body) > 4_000:
        raise ValueError
    value = int(body[2:] if base != 10 else body, base)
    return -value if digits.startswith("-") else value


def _float(text: str) -> float:
    value = float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
    if not math.isfinite(value):
        raise ValueError
    return value


def _null(text: str) -> None:
    if text.lower() not in ("", "~", "null"):
        raise ValueError


_MADE = {
    "bool": lambda text: {"true": True, "false": False}[text.lower()],
    "float": _float,
    "int": _int,
    "null": _null,
}
"""For each type that YAML and JSON have in common, except strings, a function that makes the value from its text."""


def kind_of(value: Any) -> str:
    """Return the type of a value in words, for an error message."""
    names = {dict: "a mapping", list: "a list", str: "a string", bool: "a boolean", type(None): "nothing"}
    return names.get(type(value), "a number")
