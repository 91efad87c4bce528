"""The texts of questions. `patterns/` has questions for each tool, `no_tool_questions/` has questions without a tool.

Every file of `patterns/` is read. The name of a file is the topic of the tools in the file. If a tool has no phrasings,
its questions are made from its definition instead (`template/schema`).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from toolmark.generators.template.default.draws.database import database_questions

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "Phrasings",
    "UnservedRequest",
    "WritingRequest",
    "knowledge_questions",
    "phrasings",
    "question_patterns",
    "unserved_requests",
    "writing_requests",
]


@dataclass(frozen=True, slots=True)
class Phrasings:
    """The texts for questions about one tool, with slots in braces.

    Attributes:
        tool: Name of the tool.
        topic: Topic of the tool's cases, which is the name of the file.
        easy: Questions that state the request directly.
        hard: Questions that describe a situation instead.
        answer: Answers that state the result.
        missing: For each required argument, questions that leave this argument out.
        rivals: Other tools that could serve the same request. In a conversation in which no tool fits, no rival is
            offered.
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
    """A request that no tool of the catalog can serve.

    Attributes:
        asks: Wordings of the request.
        answers: Answers that decline the request.
    """

    asks: tuple[str, ...]
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WritingRequest:
    """A request that a model answers in its own words, such as a request for a poem or for advice.

    Attributes:
        asks: Wordings of the request, with the slots `{it}` and `{form}`.
        about: Values of `{it}`.
        answers: Short answers.
        forms: Values of `{form}`. Empty if no wording has this slot.
    """

    asks: tuple[str, ...]
    about: tuple[str, ...]
    answers: tuple[str, ...]
    forms: tuple[str, ...]


@cache
def phrasings() -> dict[str, Phrasings]:
    """Return the phrasings by tool name. Tools without phrasings are left out."""
    found: dict[str, Phrasings] = {}
    for file in sorted(files(__package__).joinpath("patterns").iterdir(), key=lambda file: file.name):
        topic, dot, suffix = file.name.rpartition(".")
        if dot and suffix == "toml":
            for tool, table in tomllib.loads(file.read_text(encoding="utf-8")).items():
                found[tool] = _phrasings(tool, topic, table)
    return found


def _phrasings(tool: str, topic: str, table: dict[str, Any]) -> Phrasings:
    return Phrasings(
        tool,
        topic,
        tuple(table["easy"]),
        tuple(table["hard"]),
        tuple(table["answer"]),
        {name: tuple(texts) for name, texts in table.get("missing", {}).items()},
        tuple(table["rivals"]),
    )


def _no_tool_questions(name: str) -> dict[str, Any]:
    file = files(__package__).joinpath("no_tool_questions", f"{name}.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


@cache
def unserved_requests() -> tuple[UnservedRequest, ...]:
    """Return the requests that no tool of the catalog can serve."""
    entries = _no_tool_questions("unserved")["request"]
    return tuple(UnservedRequest(tuple(entry["asks"]), tuple(entry["answers"])) for entry in entries)


@cache
def knowledge_questions() -> tuple[tuple[str, str], ...]:
    """Return pairs of a question and its answer. The questions are about subjects of the tools, but need no tool."""
    return tuple((question, answer) for question, answer in _no_tool_questions("knowledge")["questions"])


@cache
def writing_requests() -> tuple[WritingRequest, ...]:
    """Return requests for pieces of writing, explanations, advice and opinions."""
    return tuple(
        WritingRequest(
            asks=tuple(entry["asks"]),
            about=tuple(entry["about"]),
            answers=tuple(entry["answers"]),
            forms=tuple(entry.get("forms", ())),
        )
        for entry in _no_tool_questions("writing")["request"]
    )


def question_patterns() -> Iterator[str]:
    """Return the texts of all questions and requests, with slots in braces."""
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
