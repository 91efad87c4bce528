"""The phrasings of `patterns/`: how people ask for each tool, leave something out, and hear the answer."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "DatabaseQuestion",
    "Phrasings",
    "UnservedRequest",
    "database_questions",
    "knowledge_questions",
    "phrasings",
    "question_patterns",
    "unserved_requests",
    "writing_requests",
]

_TOPICS = ("numbers", "dates", "lists", "text", "world", "messages")


@dataclass(frozen=True, slots=True)
class Phrasings:
    """What `patterns/<topic>.toml` holds about one tool; texts have slots in braces.

    Attributes:
        rivals: Tools that could stand in, so that without this tool another still fits.
    """

    tool: str
    topic: str
    easy: tuple[str, ...]
    hard: tuple[str, ...]
    answer: tuple[str, ...]
    missing: dict[str, tuple[str, ...]]
    rivals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UnservedRequest:
    """Something that no tool does: wordings of it, and plain words that decline."""

    asks: tuple[str, ...]
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WritingRequest:
    """Something for a chat model's own words: wordings of it, what it may be about, and short answers.

    Attributes:
        about: What `{it}` stands for.
        forms: What `{form}` stands for; empty where no wording has it.
    """

    asks: tuple[str, ...]
    about: tuple[str, ...]
    answers: tuple[str, ...]
    forms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DatabaseQuestion:
    """A wish about one table, in words and in SQL, with slots in braces."""

    dataset: str
    wish: str
    sql: str


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath("patterns", f"{name}.toml").read_text(encoding="utf-8"))


@cache
def phrasings() -> dict[str, Phrasings]:
    """By tool name."""
    return {
        tool: Phrasings(
            tool,
            topic,
            tuple(table["easy"]),
            tuple(table["hard"]),
            tuple(table["answer"]),
            {name: tuple(texts) for name, texts in table.get("missing", {}).items()},
            tuple(table["rivals"]),
        )
        for topic in _TOPICS
        for tool, table in _read(topic).items()
    }


@cache
def unserved_requests() -> tuple[UnservedRequest, ...]:
    """Requests that no tool of the catalog serves."""
    return tuple(
        UnservedRequest(tuple(entry["asks"]), tuple(entry["answers"])) for entry in _read("outside")["request"]
    )


@cache
def knowledge_questions() -> tuple[tuple[str, str], ...]:
    """Questions that sound like a tool's business and need none, with their answers."""
    return tuple((question, answer) for question, answer in _read("knowledge")["questions"])


@cache
def writing_requests() -> tuple[WritingRequest, ...]:
    """Pieces of writing, explanations, advice and opinions that people ask for."""
    return tuple(
        WritingRequest(
            tuple(entry["asks"]), tuple(entry["about"]), tuple(entry["answers"]), tuple(entry.get("forms", ()))
        )
        for entry in _read("plain")["request"]
    )


@cache
def database_questions() -> tuple[DatabaseQuestion, ...]:
    """What people want from the database."""
    return tuple(DatabaseQuestion(**entry) for entry in _read("database")["question"])


def question_patterns() -> Iterator[str]:
    """Every text that asks for something, slots in braces."""
    for known in phrasings().values():
        yield from (*known.easy, *known.hard)
        for texts in known.missing.values():
            yield from texts
    for request in unserved_requests():
        yield from request.asks
    for question, _ in knowledge_questions():
        yield question
    for wish in writing_requests():
        yield from (ask.replace("{it}", about) for ask in wish.asks for about in wish.about)
    for wanted in database_questions():
        yield wanted.wish
