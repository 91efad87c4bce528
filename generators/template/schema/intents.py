"""Makes intents: the words in a question that say what a tool does.

An intent is an order ("book a table"), a thing ("the weather in a city"), or a clause ("what an item costs"). The
intent is taken from the first sentence of the description. If this sentence cannot be used, the intent is taken from
the tool's name. Verbs with the same meaning give additional orders.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from toolmark.benchmark.data.cases import Tool

__all__ = ["Intent", "content_words", "intents", "listed_words", "name_words"]

MAX_WORDS = 14

_NOUN = re.compile(r"(?:tion|sion|er|or|ment|ity|ing|ance|ence|ness|ship|age|ry|ist|ism|al|ic|ous|ive|ful|ly)s?$")
_CUT = re.compile(
    r"\s(?:using|which|that is|so that|based on|by calling|via|e\.g\.|such as|i\.e\.)\s.*|[;:—–].*|\s-\s.*"
)


@cache
def _language() -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath("language.toml").read_text(encoding="utf-8"))


@cache
def listed_words(kind: str) -> frozenset[str]:
    """Return the words of one list of `language.toml`: determiners, clauses, after_nouns, units or stop."""
    return frozenset(_language()["words"][kind].split())


@dataclass(frozen=True, slots=True)
class Intent:
    """A few words that say what a tool does.

    Attributes:
        kind: `order` ("book a table"), `thing` ("the weather"), or `clause` ("what it costs").
        words: Words of the intent, in lower case except for names, without a full stop.
        own: Whether the verb is from the description. False for another verb with the same meaning.
    """

    kind: str
    words: str
    own: bool = True


@cache
def _verbs() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return a mapping from each known verb to its kind, and to other verbs with the same meaning.

    The kind is `asks` if the user wants to know the result ("find"). The kind is `does` if the tool does something
    ("send").
    """
    table = _language()
    return {verb: (kind, tuple(others)) for kind in ("asks", "does") for verb, others in table[kind].items()}


def name_words(name: str) -> list[str]:
    """Return the words of a name in snake case, camel case or any other case."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return [word.lower() for word in re.split(r"[\W_]+", spaced) if word]


def content_words(text: str) -> frozenset[str]:
    """Return the words of `text` without words such as "the", and without the s of a plural."""
    found = (word for word in re.findall(r"[a-z]{3,}", text.casefold()) if word not in listed_words("stop"))
    return frozenset(re.sub(r"(?<=[a-z]{3})s$", "", word) for word in found)


def intents(tool: Tool) -> list[Intent]:
    """Return all intents of `tool`. There is at least one intent."""
    words = name_words(tool.name)
    sentence = _first_sentence(tool.description)
    found = _of_sentence(sentence, words) if sentence else []
    if not found:
        found = _of_name(words)
    return list(dict.fromkeys(found))


def _first_sentence(description: str) -> str:
    plain = re.sub(r"\([^()]*\)|`", "", description)
    plain = re.split(r"(?<=[\w)])[.!?](?:\s|$)", " ".join(plain.split()))[0].strip(" .!?")
    plain = _CUT.sub("", plain).strip(" ,")
    return plain if 0 < len(plain.split()) <= MAX_WORDS and "{" not in plain and "}" not in plain else ""


def _base(word: str) -> str | None:
    """Return the base form of `word` if it is a known verb: "find" for "finds". None if there is no such verb."""
    verbs = _verbs()
    lower = word.lower()
    for candidate in (lower, lower.removesuffix("s"), lower.removesuffix("es"), re.sub(r"ies$", "y", lower)):
        if candidate in verbs:
            return candidate
    return None


def _of_sentence(sentence: str, name: list[str]) -> list[Intent]:
    first, *rest = sentence.split()
    after = " ".join(rest)
    lower = first.lower()
    if lower in listed_words("clauses"):
        return [Intent("clause", _lowered(sentence))]
    verb = _base(first)
    # An unknown first word counts as a noun if its ending or the next word shows this, and otherwise as a verb.
    noun = _NOUN.search(lower) is not None or (rest and rest[0].lower() in listed_words("after_nouns")) or len(rest) < 1
    if verb is None and (lower.removesuffix("s") in name[:1] or not noun) and lower not in listed_words("determiners"):
        verb = re.sub(r"(?<=sh|ch|ss)es$|(?<![su])s$", "", lower)
    if verb is None or not rest:
        return [Intent("thing", _with_article(_lowered(sentence)))] if len(sentence.split()) > 1 else []
    verb = "get" if verb in ("return", "provide") else verb
    kind, others = _verbs().get(verb, ("does", ()))
    found = [Intent("order", f"{verb} {after}")]
    found += [Intent("order", f"{other} {after}", own=False) for other in others]
    if rest[0].lower() in listed_words("clauses") and kind == "asks":
        return [Intent("clause", after), *found[1:]]
    if kind == "asks" and verb not in ("search", "compare", "query", "check", "count"):
        found.append(Intent("thing", _with_article(after), own=False))
    return found


def _of_name(words: list[str]) -> list[Intent]:
    words = words or ["service"]
    verb, rest = _base(words[0]), " ".join(words[1:])
    if verb is None or not rest:
        return [Intent("thing", _with_article(" ".join(words)))]
    kind, others = _verbs()[verb]
    found = [Intent("order", f"{other} {_with_article(rest)}", own=other == verb) for other in (verb, *others)]
    return [*found, Intent("thing", _with_article(rest), own=False)] if kind == "asks" else found


def _lowered(text: str) -> str:
    first = text.split()[0]
    return text if len(first) > 1 and first[1:] != first[1:].lower() else text[0].lower() + text[1:]


def _with_article(text: str) -> str:
    first = text.split()[0].lower()
    return text if first in listed_words("determiners") or first.endswith("'s") else f"the {text}"
