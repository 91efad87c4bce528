"""Random values such as names, dates, codes and sentences.

The same value is seldom drawn twice. So a model learns to copy values instead of remembering values. All random choices
of a function come from its argument `rng`.
"""

from __future__ import annotations

import string
from datetime import date, timedelta
from typing import TYPE_CHECKING

from toolmark.generators.template.words import words

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

__all__ = [
    "city",
    "clock",
    "code",
    "day",
    "decimal",
    "digits",
    "email",
    "expression",
    "gibberish",
    "integer",
    "iso_date",
    "moment",
    "person",
    "phone",
    "phrase",
    "sentence",
    "spoken_date",
    "tagged_text",
    "text",
    "url",
    "word",
]

_ONSETS = (
    *"bcdfghjklmnprstvwz",
    "br",
    "ch",
    "cl",
    "dr",
    "fl",
    "gr",
    "kl",
    "pl",
    "pr",
    "sh",
    "sk",
    "sl",
    "sn",
    "st",
    "th",
)
_VOWELS = ("a", "e", "i", "o", "u", "ai", "ea", "ee", "io", "oa", "oo", "ou")
_CODAS = ("", "", "", "n", "r", "s", "l", "t", "m", "k", "x", "nd", "rt")


def gibberish(rng: Random) -> str:
    """Draw a pronounceable word without a meaning."""
    pick = rng.choice
    return "".join(pick(_ONSETS) + pick(_VOWELS) + pick(_CODAS) for _ in range(rng.randint(1, 3)))


def word(rng: Random) -> str:
    """Draw a word. One word in four is invented. The other words are from the word lists."""
    known = words()
    kind = rng.random()
    if kind < 0.5:
        return rng.choice(known.things)
    if kind < 0.75:
        return rng.choice(known.adjectives)
    return gibberish(rng)


def phrase(rng: Random, most: int = 4) -> str:
    """Draw two to `most` words, without punctuation."""
    return " ".join(word(rng) for _ in range(rng.randint(2, most)))


def person(rng: Random) -> str:
    """Draw the name of a person. Half of the names have a surname."""
    known = words()
    given = rng.choice(known.given_names)
    return f"{given} {rng.choice(known.surnames)}" if rng.random() < 0.5 else given


def city(rng: Random) -> str:
    """Draw a real city."""
    return rng.choice(words().cities)


def integer(rng: Random) -> int:
    """Draw a whole number. Most numbers have up to four digits, and 10% are negative.

    Some numbers have up to seven digits, because a model must learn to copy long numbers.
    """
    kind = rng.random()
    if kind < 0.45:
        return rng.randint(0, 99)
    if kind < 0.75:
        return rng.randint(100, 9999)
    if kind < 0.9:
        return rng.randint(10_000, 9_999_999)
    return -rng.randint(1, 999)


def decimal(rng: Random) -> float:
    """Draw a number with one to three decimals. The number is never whole."""
    places = rng.choice((1, 1, 2, 2, 2, 3))
    scale = int(10**places)
    whole = rng.randint(0, rng.choice((9, 99, 999, 9999)))
    value: float = (whole * scale + rng.randint(1, scale - 1)) / scale
    return -value if rng.random() < 0.08 else value


def day(rng: Random) -> date:
    """Draw a day between 1950 and 2049, mostly in the 2020s."""
    if rng.random() < 0.7:
        return date(2020, 1, 1) + timedelta(days=rng.randrange(3650))
    return date(1950, 1, 1) + timedelta(days=rng.randrange(36_500))


def iso_date(rng: Random) -> str:
    """Draw a day as YYYY-MM-DD."""
    return day(rng).isoformat()


def spoken_date(rng: Random, when: date) -> str:
    """Return the date `when` in words, with the year: "4 March 2026"."""
    month = words().months[when.month - 1]
    return rng.choice(
        (
            f"{when.day} {month} {when.year}",
            f"{month} {when.day}, {when.year}",
            f"{when.day} {month[:3]} {when.year}",
        )
    )


def clock(rng: Random) -> str:
    """Draw a time of day as HH:MM."""
    return f"{rng.randint(0, 23):02}:{rng.choice((0, 5, 10, 15, 20, 30, 40, 45, 50, rng.randint(0, 59))):02}"


def moment(rng: Random) -> str:
    """Draw a local date and time in ISO format, without an offset."""
    return f"{iso_date(rng)}T{clock(rng)}"


def code(rng: Random) -> str:
    """Draw an identifier in one of several shapes.

    An identifier never has only digits, because digits look like a number.
    """
    letters = "".join(rng.choices(string.ascii_uppercase, k=rng.randint(1, 4)))
    digits = "".join(rng.choices(string.digits, k=rng.randint(2, 6)))
    kind = rng.randrange(6)
    if kind == 0:
        return f"{letters}-{digits}"
    if kind == 1:
        return letters + digits
    if kind == 2:
        return f"{gibberish(rng)}_{digits}"
    if kind == 3:
        return rng.choice(string.ascii_letters) + "".join(
            rng.choices(string.ascii_letters + string.digits, k=rng.randint(4, 9))
        )
    if kind == 4:
        return rng.choice("abcdef") + "".join(rng.choices("0123456789abcdef", k=rng.randint(5, 11)))
    return f"#{digits}"


def digits(rng: Random) -> str:
    """Draw a string of digits, such as a postcode. The string can begin with zeros."""
    return "".join(rng.choices(string.digits, k=rng.randint(3, 8)))


def email(rng: Random) -> str:
    """Draw an email address at an invented host, in ASCII."""
    known = words()
    local = rng.choice(
        (rng.choice(known.given_names), f"{rng.choice(known.given_names)}.{rng.choice(known.surnames)}", word(rng))
    )
    plain = "".join(letter for letter in local.lower() if letter.isascii() and (letter.isalnum() or letter == "."))
    if rng.random() < 0.35:
        plain += str(rng.randint(1, 99))
    return f"{plain.strip('.') or 'me'}@{rng.choice(known.hosts)}.{rng.choice(known.tops)}"


def url(rng: Random) -> str:
    """Draw an https address with at most two parts in its path."""
    known = words()
    address = f"https://{rng.choice(('', '', 'www.', 'docs.'))}{rng.choice((word(rng), rng.choice(known.hosts)))}"
    address += f".{rng.choice(known.tops)}"
    for _ in range(rng.randint(0, 2)):
        address += f"/{word(rng)}"
    if rng.random() < 0.2:
        address += f"?{rng.choice('abiqxy')}={integer(rng)}"
    return address


def phone(rng: Random) -> str:
    """Draw a telephone number in one of several notations."""

    def some(count: int) -> str:
        return "".join(rng.choices(string.digits, k=count))

    return rng.choice(
        (
            f"+{rng.randint(1, 98)} {some(3)} {some(6)}",
            f"({some(3)}) {some(3)}-{some(4)}",
            f"{some(3)}-{some(4)}",
            f"0{some(3)} {some(3)} {some(3)}",
        )
    )


def expression(rng: Random) -> str:
    """Draw an arithmetic expression as text, with two to four numbers and perhaps a pair of brackets."""
    count = rng.randint(2, 4)
    parts = [str(rng.randint(1, 999)) if rng.random() < 0.8 else str(decimal(rng)) for _ in range(count)]
    if count > 2 and rng.random() < 0.4:
        parts[0:2] = [f"({parts[0]} {rng.choice('+-')} {parts[1]})"]
    out = parts[0]
    for part in parts[1:]:
        out += f" {rng.choice('+-*/')} {part}"
    return out


def sentence(rng: Random) -> str:
    """Draw an ordinary sentence with punctuation, sometimes with a quotation or a number."""
    known = words()
    kind = rng.randrange(8)
    thing, adjective = rng.choice(known.things), rng.choice(known.adjectives)
    name, done = rng.choice(known.given_names), rng.choice(known.doings)
    if kind == 0:
        return f"{name} {done} the {adjective} {thing}."
    if kind == 1:
        return f"The {thing} is {adjective}, and the {rng.choice(known.things)} is {rng.choice(known.adjectives)}."
    if kind == 2:
        return f'{name} said "{phrase(rng, 3)}" to {rng.choice(known.given_names)}.'
    if kind == 3:
        return f"Don't forget the {adjective} {thing} at {clock(rng)}!"
    if kind == 4:
        return f"Room {rng.randint(1, 400)}: {thing}s, {rng.choice(known.things)}s & {rng.choice(known.things)}s."
    if kind == 5:
        return f"We {done} {rng.randint(2, 90)} {thing}s on {rng.choice(known.weekdays)} in {city(rng)}."
    if kind == 6:
        return f"Is {name}'s {thing} {adjective}?"
    return f"{name} {done} it; {rng.choice(known.given_names)} did not ({rng.randint(1, 99)}%)."


def tagged_text(rng: Random) -> str:
    """Draw a short remark with hashtags."""
    known = words()
    tags = " ".join(f"#{rng.choice((word(rng), word(rng).title()))}" for _ in range(rng.randint(1, 3)))
    return f"{rng.choice(('Loving', 'Off to', 'New', 'So much'))} {rng.choice(known.things)} {tags}"


_TEXTS: tuple[tuple[float, Callable[[Random], str]], ...] = (
    (0.14, word),
    (0.30, phrase),
    (0.42, gibberish),
    (0.52, sentence),
    (0.59, person),
    (0.64, city),
    (0.70, code),
    (0.75, email),
    (0.79, url),
    (0.83, iso_date),
    (0.86, moment),
    (0.89, phone),
    (0.92, expression),
    (0.95, tagged_text),
    (0.97, clock),
    (1.01, lambda rng: " ".join(gibberish(rng) for _ in range(rng.randint(2, 5)))),
)


def text(rng: Random) -> str:
    """Draw a string of one of the kinds in this module, such as a word, a sentence, a name or a date."""
    roll = rng.random()
    return next(make for limit, make in _TEXTS if roll < limit)(rng)
