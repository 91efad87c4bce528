"""Makes questions look as if people had typed them: with a typing error, in chat style, or with an unrelated sentence.

A typing error changes only the words of the phrasing. The values of the arguments stay unchanged. So the right answer
stays the same.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from toolmark.generators.template.words import words

if TYPE_CHECKING:
    from random import Random

__all__ = ["aside", "casually", "mistyped"]

_PARTS = re.compile(r"(\{[^}]*\})")
_WORD = re.compile(r"[a-z]{4,}")
_ASIDES = (
    "Busy day here.",
    "I have {count} minutes before the {thing} arrives.",
    "Sorry, I am typing on my phone.",
    "{name} and I have been arguing about this.",
    "You helped me with the {thing} the other day.",
    "I am in {city} at the moment.",
    "My {adjective} notebook is full again.",
    "This is for {name}.",
    "Coffee first, then work.",
    "No hurry.",
    "The {thing} can wait.",
    "I asked {name} before, without luck.",
)


def mistyped(rng: Random, phrasing: str) -> str:
    """Return `phrasing` with a typing error in one word: two letters swapped, or one letter left out or doubled."""
    parts = _PARTS.split(phrasing)
    places = [(index, match.span()) for index in range(0, len(parts), 2) for match in _WORD.finditer(parts[index])]
    if not places:
        return phrasing
    index, (start, end) = rng.choice(places)
    at = rng.randrange(start, end - 1)
    text = parts[index]
    error = rng.randrange(3)
    if error == 0:
        parts[index] = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    else:
        parts[index] = text[:at] + (text[at] * 2 if error == 1 else "") + text[at + 1 :]
    return "".join(parts)


def casually(rng: Random, phrasing: str) -> str:
    """Return `phrasing` in chat style: without a capital letter or a full stop, or with "hey" or "pls"."""
    text = phrasing.rstrip(".?") if rng.random() < 0.6 else phrasing
    if text[0].isupper() and not text.startswith(("I ", "I'")):
        text = text[0].lower() + text[1:]
    roll = rng.random()
    if roll < 0.3:
        return rng.choice(("hey ", "hi, ", "yo ", "ok ", "hey, ")) + text
    return text + rng.choice((" pls", " thx", " please", " :)")) if roll < 0.5 and not text.endswith("}") else text


def aside(rng: Random, text: str) -> str:
    """Return `text` with an unrelated sentence before or after it."""
    known = words()
    said = rng.choice(_ASIDES).format(
        count=rng.randint(2, 50),
        thing=rng.choice(known.things),
        name=rng.choice(known.given_names),
        city=rng.choice(known.cities),
        adjective=rng.choice(known.adjectives),
    )
    if rng.random() < 0.7:
        return f"{said} {text}"
    return f"{text}{'' if text[-1] in '.?!' else '.'} {said}"
