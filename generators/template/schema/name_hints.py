"""Draws likely values for an argument.

For a string, the format or the argument's name decides what is drawn. For a number, the name gives the usual range.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from toolmark.generators.template import values
from toolmark.generators.template.words import words

if TYPE_CHECKING:
    from random import Random

__all__ = ["FORMATS", "StringDrawer", "a_thing", "any_string", "day", "string_drawer_for", "usual_range"]

StringDrawer = Callable[["Random"], str]


def _currency(rng: Random) -> str:
    return rng.choice(("USD", "EUR", "GBP", "JPY", "CHF", "SEK", "INR", "BRL", "CAD", "AUD"))


def _country(rng: Random) -> str:
    return rng.choice(("France", "Japan", "Brazil", "Kenya", "Norway", "Canada", "India", "Spain", "Peru", "Egypt"))


def _language(rng: Random) -> str:
    return rng.choice(("English", "French", "German", "Spanish", "Japanese", "Polish", "Hindi", "Portuguese"))


def _zone(rng: Random) -> str:
    return rng.choice(("Europe/Paris", "Asia/Tokyo", "America/New_York", "UTC", "Africa/Nairobi", "Asia/Kolkata"))


def _address(rng: Random) -> str:
    return f"{rng.randint(1, 99)} {rng.choice(words().streets)}, {values.city(rng)}"


def a_thing(rng: Random) -> str:
    """Draw the name of a thing, in most cases with an adjective: "green lamp"."""
    known = words()
    return (
        f"{rng.choice(known.adjectives)} {rng.choice(known.things)}" if rng.random() < 0.6 else rng.choice(known.things)
    )


def _title(rng: Random) -> str:
    return a_thing(rng).capitalize()


def _handle(rng: Random) -> str:
    return f"{rng.choice(words().given_names).lower()}{rng.randint(1, 99)}"


def _file(rng: Random) -> str:
    return f"{rng.choice(words().things)}.{rng.choice(('txt', 'pdf', 'csv', 'png', 'docx'))}"


def _name(rng: Random) -> str:
    known = words()
    made = f"{rng.choice(known.adjectives)} {rng.choice(known.things)}".title()
    return rng.choice((made, made, rng.choice(known.surnames), values.gibberish(rng).capitalize()))


def day(rng: Random) -> str:
    """Draw a day as YYYY-MM-DD, mostly from 2024 to 2028."""
    if rng.random() < 0.2:
        return values.iso_date(rng)
    return f"{rng.randint(2024, 2028)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"


def _moment(rng: Random) -> str:
    return f"{day(rng)}T{values.clock(rng)}:00"


def _uuid(rng: Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def _address_of_host(rng: Random) -> str:
    return ".".join(str(rng.randint(1, 254)) for _ in range(4))


def _host(rng: Random) -> str:
    return f"{rng.choice(words().hosts)}.{rng.choice(words().tops)}"


def _clock(rng: Random) -> str:
    return f"{values.clock(rng)}:00Z"


FORMATS: Mapping[str, StringDrawer] = {
    "date": day,
    "date-time": lambda rng: f"{_moment(rng)}Z",
    "time": _clock,
    "email": values.email,
    "idn-email": values.email,
    "uri": values.url,
    "url": values.url,
    "uri-reference": values.url,
    "iri": values.url,
    "uuid": _uuid,
    "ipv4": _address_of_host,
    "ipv6": lambda rng: ":".join(f"{rng.randint(1, 0xFFFF):x}" for _ in range(8)),
    "hostname": _host,
    "idn-hostname": _host,
    "duration": lambda rng: f"PT{rng.randint(1, 90)}M",
    "regex": lambda rng: rng.choice(("^[a-z]+$", "[0-9]{3}", "^a.*z$")),
    "json-pointer": lambda rng: f"/{rng.choice(words().things)}/{rng.randint(0, 9)}",
}

_NAMES: tuple[tuple[str, StringDrawer], ...] = (
    (r"e-?mail|recipient|^to$|^cc$|^bcc$|sender", values.email),
    (r"url|link|website|uri|homepage", values.url),
    (r"phone|mobile|telephone|^fax$", values.phone),
    (r"timezone|time zone|^tz$", _zone),
    (r"datetime|timestamp|moment", _moment),
    (r"\bdate\b|\bday\b|birthday|deadline|^(?:since|until|from date|to date)$", day),
    (r"\btime\b|clock|\bhour", values.clock),
    (r"currency", _currency),
    (r"country|nation", _country),
    (r"language|locale", _language),
    (r"\bcity\b|\btown\b|location|\bplace\b|destination|origin|venue", values.city),
    (r"street|\baddress\b", _address),
    (r"postcode|\bzip\b|postal", values.digits),
    (r"username|handle|login|nickname", _handle),
    (r"file ?name|\bfile\b|\bpath\b|document", _file),
    (r"colou?r", lambda rng: rng.choice(words().colours)),
    (r"weekday", lambda rng: rng.choice(words().weekdays)),
    (r"month", lambda rng: rng.choice(words().months)),
    (r"hashtag|\btag\b|label|category|keyword|topic", lambda rng: rng.choice(words().things)),
    (r"expression|formula", values.expression),
    (r"message|\btext\b|body|content|note|comment|description|summary|paragraph|sentence", values.sentence),
    (r"title|subject|headline", _title),
    (r"query|search|question|term", a_thing),
    (r"(?:^| )(?:id|code|sku|key|token|reference|ref|number|no|serial|ticket|isbn|barcode|plate)$", values.code),
    (r"person|customer|guest|author|user|owner|contact|name of (?:a|the) person|first name|last name|full name|who",
     values.person),
    (r"host|domain|server", _host),
    (r"item|product|object|thing|article|name", a_thing),
)  # fmt: skip
"""Patterns of argument names, each with the function that draws a string. The first pattern that matches is used."""


_SIZES: tuple[tuple[str, int, int], ...] = (
    (r"year", 1990, 2035),
    (r"month", 1, 12),
    (r"\bday\b", 1, 28),
    (r"hour", 0, 23),
    (r"minute|second", 1, 59),
    (r"age", 1, 95),
    (r"percent|\brate\b|discount", 1, 40),
    (r"latitude|\blat\b", -60, 60),
    (r"longitude|\blon\b|\blng\b", -170, 170),
    (r"guest|people|person|adult|child|seat|night|room|ticket|copies|quantity|count|times|limit|items|size", 1, 12),
    (r"price|amount|cost|budget|total|salary|fee|balance", 5, 5000),
    (r"\bid\b|number", 100, 99_999),
    (r"rating|star|score|priority|level", 1, 5),
    (r"width|height|length|depth|radius|distance|weight", 1, 500),
)


def string_drawer_for(name: str) -> StringDrawer | None:
    """Return a function that draws a likely string for an argument with this name.

    The name is given in plain words. The result is None if no pattern matches the name.
    """
    plain = name.casefold()
    return next((draw for pattern, draw in _NAMES if re.search(pattern, plain)), None)


def any_string(rng: Random) -> str:
    """Draw a string for an argument with an unknown meaning. Most of these strings are names."""
    return rng.choice((_name, _name, a_thing, _title))(rng)


def usual_range(name: str) -> tuple[float, float]:
    """Return the lowest and the highest usual value of a number with this name. The name is given in plain words."""
    plain = name.casefold()
    return next(((least, most) for words, least, most in _SIZES if re.search(words, plain)), (1, 200))
