"""Tools that can be asked for: by the phrasings that were written for them, or by their definition alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from toolmark.benchmark.tools.catalog import catalog
from toolmark.generators.template.default.answers import final_answer, told
from toolmark.generators.template.default.draws import DRAWERS
from toolmark.generators.template.default.phrasings import Phrasings, phrasings
from toolmark.generators.template.schema import CannotSample, DescribedTool, DrawnQuestion

if TYPE_CHECKING:
    from random import Random

    from toolmark.benchmark.data.cases import Tool, Toolbox

__all__ = ["QuestionMaker", "askable", "described"]

_MISSING = {
    "datetime_str": "date and time",
    "to": "recipient's address",
    "query": "search words",
    "items": "list",
    "numbers": "numbers",
    "symbol": "symbol",
    "to_unit": "unit to convert to",
    "to_timezone": "time zone to convert to",
    "to_currency": "currency to convert to",
}
"""Arguments whose name does not say in plain words what is missing."""


class QuestionMaker(Protocol):
    """A tool and the ways to ask for it.

    Attributes:
        name: Of the tool.
        topic: Tag of its cases.
        rivals: Tools that could stand in, so that without this tool another still fits.
        missing: Required arguments that a question can leave out.
        tries: How many draws may fail to run before one is given up.
    """

    name: str
    topic: str
    rivals: tuple[str, ...]
    missing: tuple[str, ...]
    tries: int

    def phrase(self, rng: Random, kind: str) -> DrawnQuestion:
        """A question of `kind`: `easy`, `hard` or `missing/ARGUMENT`."""
        ...

    def label(self, argument: str) -> str:
        """An argument in plain words."""
        ...

    def answer(self, rng: Random, slots: Mapping[str, str], value: Any) -> str:
        """A final answer that restates a result."""
        ...


class _FromPhrasings:
    """A tool of the catalog, asked for with the phrasings of `patterns/`."""

    tries = 1

    def __init__(self, known: Phrasings) -> None:
        self._known = known
        self.name, self.topic, self.rivals = known.tool, known.topic, known.rivals
        self.missing = tuple(known.missing)

    def phrase(self, rng: Random, kind: str) -> DrawnQuestion:
        way, _, left_out = kind.partition("/")
        known = self._known
        texts = known.missing[left_out] if left_out else known.easy if way == "easy" else known.hard
        index = rng.randrange(len(texts))
        return DrawnQuestion(texts[index], f"{self.name}/{kind}/{index}", DRAWERS[self.name](rng))

    def label(self, argument: str) -> str:
        return _MISSING.get(argument, argument.replace("_", " "))

    def answer(self, rng: Random, slots: Mapping[str, str], value: Any) -> str:
        return final_answer(rng, self._known, slots, value)


class _FromDefinition(DescribedTool):
    """A tool of which only the definition is known."""

    tries = 6

    def answer(self, rng: Random, slots: Mapping[str, str], value: Any) -> str:  # noqa: ARG002 - of the protocol
        return told(rng, value)


def described(asked: QuestionMaker) -> DescribedTool | None:
    """`asked` where it is known by its definition alone."""
    return asked if isinstance(asked, DescribedTool) else None


def askable(toolbox: Toolbox) -> tuple[dict[str, QuestionMaker], dict[str, str]]:
    """The tools of `toolbox` that can be asked for, in its order, and why the others cannot.

    Phrasings were written for the catalog's arguments: a tool that only shares its name is asked for by its definition.
    """
    found: dict[str, QuestionMaker] = {}
    refused: dict[str, str] = {}
    for tool in toolbox.tools:
        known = phrasings().get(tool.name)
        if known is not None and _arguments(tool) == _arguments(catalog()[tool.name]):
            found[tool.name] = _FromPhrasings(known)
            continue
        if tool.name in catalog().names and tool == catalog()[tool.name]:
            continue  # held out of what is shipped: a distractor at most
        try:
            found[tool.name] = _FromDefinition(tool)
        except CannotSample as error:
            refused[tool.name] = str(error)
    own = [one for one in found.values() if isinstance(one, _FromDefinition)]
    for one in own:
        others = ((other.name, other.words) for other in own if other is not one)
        further = ((name, _words_of(toolbox[name])) for name in found if not isinstance(found[name], _FromDefinition))
        one.rivals = tuple(name for name, words in (*others, *further) if len(words & one.words) > 1)
    return found, refused


def _words_of(tool: Tool) -> frozenset[str]:
    from toolmark.generators.template.schema.intents import content_words, name_words

    return content_words(f"{' '.join(name_words(tool.name))} {tool.description}")


def _arguments(tool: Tool) -> list[str]:
    properties = tool.parameters.get("properties")
    return sorted(properties) if isinstance(properties, dict) else []
