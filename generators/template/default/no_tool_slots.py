"""Draws the values in questions that need no tool, and in questions that no tool can serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolmark.generators.template import values
from toolmark.generators.template.default.phrasings import writing_requests
from toolmark.generators.template.words import words

if TYPE_CHECKING:
    from random import Random

__all__ = ["unserved_slots", "writing_question"]


def writing_question(rng: Random) -> tuple[str, str, str]:
    """Return a request for a piece of writing, an answer, and the name of a group.

    All requests about the same subject are in one group.
    """
    index = rng.randrange(len(writing_requests()))
    wish = writing_requests()[index]
    slots = {"it": rng.choice(wish.about), "form": rng.choice(wish.forms or ("",))}
    reply = rng.choice(wish.answers).format(**slots)
    return rng.choice(wish.asks).format(**slots), reply[0].upper() + reply[1:], f"plain/{index}/{slots['it']}"


def unserved_slots(rng: Random) -> dict[str, object]:
    """Return values for the slots of requests that no tool can serve."""
    known = words()
    place, other = rng.sample(known.cities, 2)
    return {
        "place": place,
        "other": other,
        "person": values.person(rng),
        "thing": rng.choice(known.things),
        "adjective": rng.choice(known.adjectives),
        "phrase": values.phrase(rng, 3),
        "street": f"{rng.randint(1, 99)} {rng.choice(known.streets)}",
        "code": values.code(rng),
        "count": rng.randint(2, 24),
    }
