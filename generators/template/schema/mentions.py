"""Writes an argument in words, as part of a question.

The value of the argument is written unchanged or in another clear form. For example, a date is written in words with
its year, and a small whole number is written as a word.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from toolmark.generators.template import values
from toolmark.generators.template.default.draws.draw import listed, quoted

if TYPE_CHECKING:
    from random import Random

__all__ = ["Mention", "is_or_are", "mention", "spoken"]

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
_COUNTS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_RECIPIENTS = frozenset({"to", "recipient", "recipients", "email"})
_PREPOSITIONS = frozenset({"at", "on", "in", "from", "to", "by", "for", "until", "since", "after", "before", "with"})
_PLACES = frozenset({"city", "place", "location", "town", "country"})


@dataclass(frozen=True, slots=True)
class Mention:
    """One argument in words, in three forms. The slot `{guests}` in the examples stands for the value.

    Attributes:
        label: The name of the argument in plain words.
        slot: The name of the argument's slot.
        short: The argument as an item of a list: "guests {guests}".
        sentence: The argument as a sentence: "The number of guests is {guests}".
        natural: The argument as part of another sentence: "for {guests} guests". None if there is no such form.
    """

    label: str
    slot: str
    short: str
    sentence: str
    natural: str | None


def spoken(rng: Random, value: Any, *, freely: bool) -> str:
    """Return `value` in words.

    With `freely`, the words can differ from the value in the call. For example, 3 can become "three".
    """
    match value:
        case bool():
            return rng.choice(("yes", "true")) if value else rng.choice(("no", "false"))
        case None:
            return "none"
        case int() if freely and 0 < value <= 12 and rng.random() < 0.5:
            return _COUNTS[value]
        case str() if freely and _ISO.fullmatch(value) and rng.random() < 0.7:
            try:
                return values.spoken_date(rng, date.fromisoformat(value))
            except ValueError:
                return value
        case str():
            if _ISO.match(value):
                return value
            plain = bool(value) and value == value.strip() and len(value.split()) <= 3 and value[-1] not in ".?!,:;"
            return value if plain and rng.random() < 0.9 else quoted(rng, value)
        case list() if value and all(isinstance(item, str | int | float) for item in value):
            clear = not any(isinstance(item, str) and ("," in item or " and " in item) for item in value)
            return listed(rng, value) if clear else json.dumps(value, ensure_ascii=False)
        case dict() if value and all(isinstance(item, str | int | float | bool) for item in value.values()):
            return ", ".join(
                f"{key.replace('_', ' ')} {spoken(rng, item, freely=False)}" for key, item in value.items()
            )
        case list() | dict():
            return json.dumps(value, ensure_ascii=False)
    return str(value)


def is_or_are(label: str) -> str:
    """Return the verb that fits `label`: "are" if `label` ends like a plural, else "is"."""
    return "are" if re.search(r"[^su]s$", label) else "is"


def mention(rng: Random, argument: str, label: str, value: Any, slot: str) -> Mention:
    """Return one argument in words, with `{slot}` in place of the argument's value."""
    hole = "{" + slot + "}"
    if label in _PREPOSITIONS:
        return Mention(label, slot, f"{label} {hole}", f"{label.capitalize()}: {hole}", f"{label} {hole}")
    be = is_or_are(label)
    article = "" if re.match(r"(?:is|has|include|use|allow|only|with|without|to|from|since|until)\b", label) else "the "
    if isinstance(value, bool):
        short = rng.choice((f"{label}: {hole}", f"{label} {hole}", f"{label} = {hole}"))
        return Mention(label, slot, short, f"{label.capitalize()}: {hole}", None)
    short = rng.choice((f"{label} {hole}", f"{label}: {hole}", f"{label} {hole}", f"{article}{label} {hole}"))
    sentences = [
        f"{article}{label} {be} {hole}",
        f"use {hole} as {article}{label}",
        f"{article}{label}: {hole}",
        f"take {hole} for {article}{label}",
        f"{article}{label} should be {hole}",
    ]
    sentence = rng.choice(sentences if article else [f"{label}: {hole}", f"use {hole} for {label}"])
    return Mention(label, slot, short, sentence[0].upper() + sentence[1:], _natural(argument, label, value, hole))


def _natural(argument: str, label: str, value: Any, hole: str) -> str | None:
    last = label.split()[-1]
    if isinstance(value, str) and _ISO.match(value):
        return f"on {hole}" if last in ("date", "day") and len(label.split()) == 1 else None
    if isinstance(value, str) and "@" in value and argument in _RECIPIENTS:
        return f"to {hole}"
    if isinstance(value, str) and label in _PLACES:
        return f"in {hole}"
    if isinstance(value, int) and value > 1 and last.endswith("s") and not last.endswith("ss"):
        return f"for {hole} {label}" if last in ("guests", "people", "nights", "persons") else f"with {hole} {label}"
    return None


def joined(parts: Sequence[str]) -> str:
    """Return the parts as one text: `a, b and c`."""
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)
