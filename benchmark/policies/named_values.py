"""Finds possible values of an argument in a text: numbers, dates, addresses, words of an enum, quotations.

The values are found with patterns, so they are only guesses. They have two uses:

- Trivial policies use them as arguments.
- `toolmark cases lint` uses them to check cases that expect a question about a missing argument. If the text contains a
  possible value, perhaps no argument is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from toolmark.benchmark.tools.schemas import SchemaError, compile_schema, problems

__all__ = ["EMAIL", "QUOTATION", "URL", "as_type", "named_values", "types_of"]

EMAIL = r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"
URL = r"\bhttps?://[^\s\"'<>]{1,500}"
QUOTATION = r"\"[^\"]{1,2000}\"|“[^“”]{1,2000}”|(?<!\w)'[^'\n]{1,500}'(?!\w)"
"""Regular expressions without groups. A match of `QUOTATION` includes the quotation marks."""

_MAX_TEXT = 20_000
_MAX_ENUM = 1_000
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"

_MOMENT = re.compile(r"\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2})?\b")
_ISO = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_DAY_MONTH = re.compile(rf"\b(\d{{1,2}})(?:st|nd|rd|th)? (?:of )?{_MONTH},? (\d{{4}})\b", re.IGNORECASE)
_MONTH_DAY = re.compile(rf"\b{_MONTH} (\d{{1,2}})(?:st|nd|rd|th)?,? (\d{{4}})\b", re.IGNORECASE)
_EMAIL = re.compile(EMAIL)
_URL = re.compile(URL)
_QUOTED = re.compile(QUOTATION)
_NUMBER = re.compile(r"(?<![\w.])[-−]?\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\w)|(?<![\w.])[-−]?\d{1,15}(?:\.\d{1,15})?(?!\w)")


def _days(text: str) -> Iterator[tuple[int, str]]:
    """Yield the dates in a text. Each date is an index in the text, and the date in ISO 8601."""
    spelled = [(m.start(), m[1], m[2], m[3]) for m in _ISO.finditer(text)]
    spelled += [(m.start(), m[3], str(_month(m[2])), m[1]) for m in _DAY_MONTH.finditer(text)]
    spelled += [(m.start(), m[3], str(_month(m[1])), m[2]) for m in _MONTH_DAY.finditer(text)]
    for start, year, month, day in sorted(spelled):
        try:
            yield start, date(int(year), int(month), int(day)).isoformat()
        except ValueError:
            continue


def _month(word: str) -> int:
    return _MONTHS.index(word[:3].casefold()) + 1


def _numbers(text: str) -> list[int | float]:
    """Return the numbers in a text that are not part of a date, a time, an address or a quotation."""
    for pattern in (_MOMENT, _ISO, _DAY_MONTH, _MONTH_DAY, _EMAIL, _URL, _QUOTED):
        text = pattern.sub(" ", text)
    numbers = (match.group().replace(",", "").replace("−", "-") for match in _NUMBER.finditer(text))
    return [float(number) if "." in number else int(number) for number in numbers]


def _quotations(text: str) -> list[str]:
    return [match.group()[1:-1] for match in _QUOTED.finditer(text)]


def _strings(schema: Mapping[str, Any], text: str) -> list[str]:
    """Return the quotations in a text. If the schema has a format or a pattern, also return dates and addresses."""
    quoted = _quotations(text)
    if "format" not in schema and "pattern" not in schema:
        return quoted
    moments = [match.group().replace(" ", "T") for match in _MOMENT.finditer(text)]
    addresses = [match.group() for pattern in (_EMAIL, _URL) for match in pattern.finditer(text)]
    return [*moments, *(day for _, day in _days(text)), *addresses, *quoted]


def _enumerated(options: list[Any], text: str) -> list[Any]:
    """Return the options that occur in the text as whole words, in the order of the text."""
    folded = text.casefold()
    places = []
    for option in options[:_MAX_ENUM]:
        match = re.search(rf"(?<!\w){re.escape(str(option).casefold())}(?!\w)", folded)
        if match:
            places.append((match.start(), option))
    return [option for _, option in sorted(places, key=lambda place: place[0])]


def types_of(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the JSON types that a schema and its alternatives allow. Empty if the schema names no type."""
    declared = schema.get("type")
    types = [declared] if isinstance(declared, str) else list(declared) if isinstance(declared, list) else []
    for keyword in ("anyOf", "oneOf"):
        alternatives = schema.get(keyword)
        for alternative in alternatives if isinstance(alternatives, list) else ():
            if isinstance(alternative, Mapping) and isinstance(alternative.get("type"), str):
                types.append(alternative["type"])
    return tuple(dict.fromkeys(str(kind) for kind in types))


def as_type(schema: Mapping[str, Any], text: str) -> Iterator[Any]:
    """Yield the values in a text that have a type of the schema. Other rules of the schema are not checked.

    The values are sorted by type. The values of one type are in the order of the text.
    """
    options = schema.get("enum", [schema["const"]] if "const" in schema else None)
    if isinstance(options, list):
        yield from _enumerated(options, text)
        return
    for kind in types_of(schema):
        match kind:
            case "string":
                yield from _strings(schema, text)
            case "integer" | "number":
                yield from _numbers(text)
            case "array":
                numbers, quoted = _numbers(text), _quotations(text)
                yield from ([*row] for row in (numbers, quoted) if len(row) > 1)


def named_values(schema: Mapping[str, Any], text: str) -> list[Any]:
    """Return the distinct values in a text that are valid for a schema, in the order of `as_type`.

    Args:
        schema: JSON Schema of the argument.
        text: The text. Only its first 20,000 characters are read.
    """
    try:
        validator = compile_schema(schema)
    except SchemaError:
        return []
    values: list[Any] = []
    for value in as_type(schema, text[:_MAX_TEXT]):
        if value not in values and not problems(value, validator):
            values.append(value)
    return values
