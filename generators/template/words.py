"""The word lists of `words.toml`, loaded once."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

__all__ = ["Deed", "Subject", "Words", "words"]


@dataclass(frozen=True, slots=True)
class Subject:
    """What a made tool is about. `name` goes into tool names, any of `spoken` into descriptions and queries."""

    name: str
    spoken: tuple[str, ...]
    domain: str


@dataclass(frozen=True, slots=True)
class Deed:
    """What a made tool does: forms for its name, its description (third person) and a query (imperative)."""

    key: str
    name: tuple[str, ...]
    says: tuple[str, ...]
    asks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """Every list of `words.toml`."""

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
    deeds: tuple[Deed, ...]


def _subject(entry: str, domain: str) -> Subject:
    first, *others = (part.strip() for part in entry.split("/"))
    return Subject(first, (first.replace("_", " "), *others), domain)


@cache
def words() -> Words:
    """The lists, read from the package on first use."""
    table = tomllib.loads(files(__package__).joinpath("words.toml").read_text(encoding="utf-8"))
    domains: dict[str, list[str]] = table.pop("domains")
    deeds: dict[str, dict[str, list[str]]] = table.pop("deeds")
    lists = {
        name: tuple(dict.fromkeys(word.replace("_", " ") for word in text.split())) for name, text in table.items()
    }
    return Words(
        **lists,
        subjects=tuple(_subject(entry, domain) for domain, entries in domains.items() for entry in entries),
        deeds=tuple(
            Deed(key, tuple(forms["name"]), tuple(forms["says"]), tuple(forms["asks"])) for key, forms in deeds.items()
        ),
    )
