"""The word lists of `words.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

__all__ = ["Action", "Subject", "Words", "words"]


@dataclass(frozen=True, slots=True)
class Subject:
    """The subject of an invented tool.

    Attributes:
        name: The word for tool names.
        spoken: The words for descriptions and questions. All these words have the same meaning.
        domain: The domain of the subject, such as `kitchen`.
    """

    name: str
    spoken: tuple[str, ...]
    domain: str


@dataclass(frozen=True, slots=True)
class Action:
    """The action of an invented tool.

    Attributes:
        key: Key of the action in `words.toml`.
        name: Verbs for tool names.
        says: Verbs for descriptions, in the third person.
        asks: Verbs for questions, in the imperative.
    """

    key: str
    name: tuple[str, ...]
    says: tuple[str, ...]
    asks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """All lists of `words.toml`."""

    given_names: tuple[str, ...]
    surnames: tuple[str, ...]
    cities: tuple[str, ...]
    adjectives: tuple[str, ...]
    things: tuple[str, ...]
    doings: tuple[str, ...]
    hosts: tuple[str, ...]
    tops: tuple[str, ...]
    months: tuple[str, ...]
    weekdays: tuple[str, ...]
    colours: tuple[str, ...]
    streets: tuple[str, ...]
    subjects: tuple[Subject, ...]
    actions: tuple[Action, ...]


def _subject(entry: str, domain: str) -> Subject:
    first, *others = (part.strip() for part in entry.split("/"))
    return Subject(first, (first.replace("_", " "), *others), domain)


@cache
def words() -> Words:
    """Return the word lists. The file is read only once."""
    table = tomllib.loads(files(__package__).joinpath("words.toml").read_text(encoding="utf-8"))
    domains: dict[str, list[str]] = table.pop("domains")
    actions: dict[str, dict[str, list[str]]] = table.pop("actions")
    lists = {
        name: tuple(dict.fromkeys(word.replace("_", " ") for word in text.split())) for name, text in table.items()
    }
    return Words(
        **lists,
        subjects=tuple(_subject(entry, domain) for domain, entries in domains.items() for entry in entries),
        actions=tuple(
            Action(key, tuple(forms["name"]), tuple(forms["says"]), tuple(forms["asks"]))
            for key, forms in actions.items()
        ),
    )
