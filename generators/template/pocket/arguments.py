"""Draws arguments of invented tools. An argument has a name, a JSON Schema, and a function that draws values.

The function draws a value, and the words with which a question states the value. Most values occur unchanged in these
words, for example numbers, strings and lists. Other values follow from the words. For example, a date in words gives an
ISO date, and "make it urgent" gives true.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from toolmark.generators.template import values
from toolmark.generators.template.words import words

__all__ = ["Argument", "draw_argument"]


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of an invented tool.

    Attributes:
        name: Name of the argument.
        label: Name of the argument in plain words, for descriptions and questions.
        schema: JSON Schema of the argument.
        say: A function that returns a random value, and the words for this value.
        kind: Index of the argument's kind in `_KINDS`.
        natural: Phrases that state the value without the label, such as "in {0}" for a city. The phrases are used only
            if no other argument of the tool has the same kind. Otherwise, it would be unclear which argument a phrase
            states.
    """

    name: str
    label: str
    schema: Mapping[str, Any]
    say: Callable[[Random], tuple[Any, str]]
    kind: int
    natural: tuple[str, ...]


ArgumentMaker = Callable[[Random], tuple[Mapping[str, Any], Callable[[Random], tuple[Any, str]]]]


def _labels(listed: str) -> tuple[str, ...]:
    return tuple(label.strip() for label in listed.split(","))


def _perhaps_quoted(rng: Random, value: str) -> str:
    """Return `value`, unchanged or in quotation marks that do not occur in `value`."""
    roll = rng.random()
    if roll < 0.5 or '"' in value:
        return value
    if roll < 0.85 or "'" in value:
        return f'"{value}"'
    return f"'{value}'"


def _strings(make: Callable[[Random], str], **extra: Any) -> ArgumentMaker:
    def maker(_: Random) -> tuple[Mapping[str, Any], Callable[[Random], tuple[Any, str]]]:
        def say(draw: Random) -> tuple[Any, str]:
            value = make(draw)
            return value, _perhaps_quoted(draw, value)

        return {"type": "string", **extra}, say

    return maker


def _free_texts(_: Random) -> tuple[Mapping[str, Any], Callable[[Random], tuple[Any, str]]]:
    """Return the schema and the function for free texts.

    A free text is always in quotation marks, because a reader could not see otherwise where the text ends.
    """

    def say(draw: Random) -> tuple[Any, str]:
        value = draw.choice((values.sentence, values.phrase, values.tagged_text))(draw)
        mark = draw.choice(('"', "'")) if '"' not in value else "'"
        return value, value if mark in value else f"{mark}{value}{mark}"

    return {"type": "string"}, say


def _dates(_: Random) -> tuple[Mapping[str, Any], Callable[[Random], tuple[Any, str]]]:
    def say(draw: Random) -> tuple[Any, str]:
        when = values.day(draw)
        return when.isoformat(), when.isoformat() if draw.random() < 0.7 else values.spoken_date(draw, when)

    return {"type": "string", "format": "date"}, say


def _integers(low: int, high: int) -> ArgumentMaker:
    def maker(rng: Random) -> tuple[Mapping[str, Any], Callable[[Random], tuple[Any, str]]]:
        schema: dict[str, Any] = {"type": "integer"}
        if rng.random() < 0.4:
            schema |= {"minimum": low, "maximum": high}

        def say(draw: Random) -> tuple[Any, str]:
            value = draw.randint(low, high)
            return value, str(value)

        return schema, say

    return maker


def _decimals(_: Random) -> tuple[Mapping[str, Any], Callable[[Random], tuple[Any, str]]]:
    def say(draw: Random) -> tuple[Any, str]:
        value = abs(values.decimal(draw)) if draw.random() < 0.7 else draw.randint(1, 5000)
        return value, str(value)

    return {"type": "number"}, say


def _enums(rng: Random) -> tuple[Mapping[str, Any], Callable[[Random], tuple[Any, str]]]:
    known = words()
    pool = rng.choice((known.colours, known.adjectives, known.weekdays, known.things, known.cities))
    options = rng.sample(pool, rng.randint(2, 6))

    def say(draw: Random) -> tuple[Any, str]:
        value = draw.choice(options)
        return value, _perhaps_quoted(draw, value) if draw.random() < 0.3 else value

    return {"type": "string", "enum": options}, say


def _spoken_list(rng: Random, items: list[Any]) -> str:
    texts = [str(item) for item in items]
    kind = rng.randrange(4)
    if kind == 0 and len(texts) > 1:
        return ", ".join(texts[:-1]) + f" and {texts[-1]}"
    if kind == 1:
        return json.dumps(items, ensure_ascii=False)
    if kind == 2 and all(" " not in text for text in texts):
        return " ".join(texts)
    return ", ".join(texts)


def _lists(item: Callable[[Random], Any], kind: str) -> ArgumentMaker:
    def maker(_: Random) -> tuple[Mapping[str, Any], Callable[[Random], tuple[Any, str]]]:
        def say(draw: Random) -> tuple[Any, str]:
            items = [item(draw) for _ in range(draw.randint(2, 6))]
            return items, _spoken_list(draw, items)

        return {"type": "array", "items": {"type": kind}}, say

    return maker


def _switches(_: Random) -> tuple[Mapping[str, Any], Callable[[Random], tuple[Any, str]]]:
    def say(draw: Random) -> tuple[Any, str]:
        value = draw.random() < 0.5
        yes, no = draw.choice((("yes", "no"), ("true", "false"), ("on", "off")))
        return value, yes if value else no

    return {"type": "boolean"}, say


_KINDS: tuple[tuple[int, tuple[str, ...], ArgumentMaker, tuple[str, ...]], ...] = (
    (6, _labels("name, title, label, nickname, brand"), _strings(values.phrase), ("called {0}", "named {0}")),
    (
        6,
        _labels("topic, theme, subject, keyword, style, category, kind"),
        _strings(values.word),
        ("about {0}", "on {0}"),
    ),
    (
        5,
        _labels("owner, person, customer, recipient, author, guest, manager, sender"),
        _strings(values.person),
        ("for {0}", "of {0}"),
    ),
    (
        4,
        _labels("city, place, destination, origin, town, location"),
        _strings(values.city),
        ("in {0}", "in {0}", "near {0}"),
    ),
    (
        4,
        _labels("code, reference, ticket, serial number, token, identifier, key"),
        _strings(values.code),
        ("{0}", "({0})"),
    ),
    (2, _labels("postcode, account number, pin, batch, room"), _strings(values.digits), ()),
    (3, _labels("email, contact email, reply address"), _strings(values.email, format="email"), ("to {0}", "for {0}")),
    (2, _labels("link, website, page address"), _strings(values.url), ("at {0}", "from {0}")),
    (2, _labels("phone, phone number, mobile"), _strings(values.phone), ("at {0}",)),
    (
        6,
        _labels("message, note, comment, remark, text, details, reason"),
        _free_texts,
        ("saying {0}", "that says {0}", "- {0}"),
    ),
    (4, _labels("date, day, due date, start day, deadline, arrival"), _dates, ("on {0}", "for {0}")),
    (2, _labels("start time, time slot, moment, departure"), _strings(values.moment), ("at {0}", "from {0}")),
    (2, _labels("clock time, hour, opening time"), _strings(values.clock), ("at {0}", "for {0}")),
    (2, _labels("formula, sum, equation"), _strings(values.expression), ("of {0}", ": {0}")),
    (5, _labels("quantity, count, copies, pieces, seats, pages"), _integers(1, 500), ("{0} times", "{0} in all")),
    (4, _labels("year, days, minutes, floor, age, level, limit, weeks"), _integers(1, 99), ()),
    (3, _labels("population, distance, steps, capacity, points"), _integers(100, 99_999), ()),
    (5, _labels("price, weight, length, height, width, speed, rate, budget, temperature"), _decimals, ("at {0}",)),
    (5, _labels("colour, size, mode, type, shape, option, priority, section, group"), _enums, ("in {0}", "{0}")),
    (3, _labels("urgent, express, public, insured, visible, automatic, shared, final"), _switches, ()),
    (
        3,
        _labels("figures, readings, amounts, measurements, scores"),
        _lists(values.integer, "integer"),
        ("of {0}", ": {0}"),
    ),
    (
        1,
        _labels("ratios, lengths, temperatures"),
        _lists(lambda rng: abs(values.decimal(rng)), "number"),
        ("of {0}", ": {0}"),
    ),
    (3, _labels("tags, items, words, keywords, parts"), _lists(values.word, "string"), (": {0}", "with {0}")),
    (2, _labels("people, members, guests, players"), _lists(values.person, "string"), ("for {0}", "with {0}")),
)
_WEIGHTS = [weight for weight, *_ in _KINDS]


def draw_argument(rng: Random) -> Argument:
    """Draw an argument. First the kind is drawn by its weight in `_KINDS`, and then the label."""
    kind = rng.choices(range(len(_KINDS)), _WEIGHTS)[0]
    _, labels, maker, natural = _KINDS[kind]
    label = rng.choice(labels)
    schema, say = maker(rng)
    return Argument(label.replace(" ", "_"), label, schema, say, kind, natural)
