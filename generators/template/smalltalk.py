"""Short questions and small talk that need no tool, with their answers. Some of the texts are in `smalltalk.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from toolmark.generators.template import values
from toolmark.generators.template.words import words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

__all__ = ["SmallTalk", "small_talk", "small_talk_patterns"]


@cache
def _lists() -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath("smalltalk.toml").read_text(encoding="utf-8"))


class SmallTalk(NamedTuple):
    """A question or remark, the answer, and the name of a group. Paraphrases of one question are in the same group."""

    question: str
    answer: str
    group: str


def _from_table(rng: Random) -> SmallTalk:
    index = rng.randrange(len(_lists()["table"]))
    table = _lists()["table"][index]
    row = rng.choice(table["rows"]).split()
    answer = rng.choice(table["answers"]).format(*row)
    return SmallTalk(rng.choice(table["asks"]).format(*row), answer[0].upper() + answer[1:], f"{index}/{row[0]}")


def _about_what_was_said(rng: Random) -> SmallTalk:
    """Return a question whose answer is in the question itself, or a remark about the user."""
    name, city, thing = values.person(rng), values.city(rng), rng.choice(words().things)
    colour, count = rng.choice(words().colours), rng.randint(2, 99)
    said = (
        (f"My name is {name}.", f"Nice to meet you, {name}!"),
        (f"I am {name} and I live in {city}. What is my name?", f"Your name is {name}."),
        (f"I am {name} and I live in {city}. Where do I live?", f"You live in {city}."),
        (f"My {thing} is {colour}. What colour is my {thing}?", f"Your {thing} is {colour}."),
        (f"I have {count} {thing}s. How many {thing}s do I have?", f"You have {count} {thing}s."),
        (f"I am going to {city} with {name}.", f"Have a good time in {city} with {name}!"),
        (f"{name} gave me a {colour} {thing}.", f"How kind of {name}! Enjoy the {thing}."),
        (f"{name} is older than Kim. Who is older?", f"{name} is older."),
        (f"I like {thing}s. What do I like?", f"You like {thing}s."),
    )
    index = rng.randrange(len(said))
    return SmallTalk(*said[index], f"said/{index}")


def small_talk_patterns() -> Iterator[str]:
    """Return the questions of `smalltalk.toml`, with slots in braces."""
    for question, _ in _lists()["talk"]:
        yield question
    for table in _lists()["table"]:
        yield from table["asks"]


def small_talk(rng: Random) -> SmallTalk:
    """Return a question or remark that needs no tool."""
    roll = rng.random()
    if roll < 0.3:
        question, answer = rng.choice(_lists()["talk"])
        drawn = SmallTalk(question, answer, question)
    else:
        drawn = _from_table(rng) if roll < 0.6 else _about_what_was_said(rng)
    if rng.random() < 0.2:
        asked = drawn.question
        asked = rng.choice((asked.lower(), asked.rstrip(".?!"), f"Quick question: {asked}"))
        return drawn._replace(question=asked)
    return drawn
