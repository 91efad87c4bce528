"""Defines the types of options. A type reads a value from text or TOML, and describes values in errors and help."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["AMOUNTS", "NUMBER", "STRING", "STRINGS", "SWITCH", "WHOLE", "Kind", "choice", "shown"]


@dataclass(frozen=True, slots=True)
class Kind:
    """The type of the values of an option.

    Attributes:
        read: Function that reads a value from a string or from a TOML value. For a repeatable option, the TOML value
            is a list or a table. The function raises `ValueError` if it cannot read the value.
        wants: The type in words. For example, "a whole number" is used in the error "x is not a whole number".
        example: An example of a value for messages. If None, messages show the metavar of the option.
        empty: The value of an option that is not set and has no default.
        choices: The allowed words. If empty, all words are allowed.
    """

    read: Callable[[Any], Any]
    wants: str
    example: Any = None
    empty: Any = None
    choices: tuple[str, ...] = ()

    @property
    def repeatable(self) -> bool:
        """Return whether an option of this type takes several values.

        Several values are written as repeated flags, as text with commas, or as a TOML array.
        """
        return isinstance(self.empty, tuple)


def _string(raw: Any) -> str:
    if not isinstance(raw, str):
        raise ValueError
    return raw


def _number(raw: Any) -> float:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float) or not math.isfinite(float(raw)):
        raise ValueError
    return float(raw)


def _whole(raw: Any) -> int:
    if isinstance(raw, bool) or not isinstance(raw, str | int):
        raise ValueError
    return int(raw)


def _switch(raw: Any) -> bool:
    words = {"true": True, "1": True, "false": False, "0": False}
    word = str(raw).lower()
    if word not in words:
        raise ValueError
    return words[word]


def _strings(raw: Any) -> tuple[str, ...]:
    if not isinstance(raw, list):
        raise ValueError
    return tuple(map(_string, raw))


def _amounts(raw: Any) -> tuple[tuple[str, float], ...]:
    if isinstance(raw, dict):
        return tuple(_flat(raw))
    pairs = [text.partition("=") for text in _strings(raw)]
    if not all(name.strip() for name, _, _ in pairs):
        raise ValueError
    return tuple((name.strip(), _number(value)) for name, _, value in pairs)


def _flat(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, float]]:
    """Return the amounts in a table and in the tables inside it, as pairs of a dotted name and an amount.

    For example, TOML reads the line `timing.recall = 0.8` as a table `timing` with the key `recall`.
    """
    pairs = []
    for name, value in table.items():
        if isinstance(value, dict):
            pairs += _flat(value, f"{prefix}{name}.")
        else:
            pairs.append((prefix + name, _number(value)))
    return pairs


STRING = Kind(_string, "a string")
STRINGS = Kind(_strings, "a list of strings", empty=())
WHOLE = Kind(_whole, "a whole number", 40)
NUMBER = Kind(_number, "a finite number", 0.5)
SWITCH = Kind(_switch, "true, false, 1 or 0", True, empty=False)
AMOUNTS = Kind(_amounts, "METRIC=NUMBER", ["timing.recall=0.8"], empty=())


def choice(*words: str) -> Kind:
    """Return the type of an option whose value is one of `words`."""

    def read(raw: Any) -> str:
        if raw not in words:
            raise ValueError
        return str(raw)

    return Kind(read, f"one of {', '.join(words)}", words[0], choices=words)


def shown(value: Any) -> str:
    """Return a value as a user would write it."""
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}"
        case dict():
            return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
        case list() | tuple():
            return ",".join(map(shown, value)) or "none"
    return str(value)
