"""Makes questions for the tools of a toolbox, from the phrasings of a tool or from the definition of a tool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from toolmark.benchmark.data.held_out import held_out, shipped_manifest
from toolmark.benchmark.tools.catalog import catalog
from toolmark.benchmark.tools.trusted_tools import same_arguments
from toolmark.generators.template.default.answers import answer_from_phrasings, answer_from_result
from toolmark.generators.template.default.draws import DRAWERS
from toolmark.generators.template.default.phrasings import Phrasings, phrasings
from toolmark.generators.template.schema import CannotSample, DescribedTool, DrawnQuestion
from toolmark.generators.template.schema.intents import content_words, name_words

if TYPE_CHECKING:
    from random import Random

    from toolmark.benchmark.data.cases import Tool, Toolbox

__all__ = ["QuestionMaker", "from_definition", "question_makers"]

_LABELS = {
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
"""Names in plain words, for arguments whose own names are unclear."""


class QuestionMaker(Protocol):
    """Makes questions for one tool.

    Attributes:
        name: Name of the tool.
        topic: Topic of the tool's cases.
        rivals: Other tools that could serve the same request. In a conversation in which no tool fits, no rival is
            offered.
        missing: Required arguments that a question can leave out.
        tries: Highest number of draws to find arguments with which the tool does not fail.
    """

    name: str
    topic: str
    rivals: tuple[str, ...]
    missing: tuple[str, ...]
    tries: int

    def question(self, rng: Random, kind: str) -> DrawnQuestion:
        """Return a question of the kind `easy`, `hard` or `missing/ARGUMENT`."""
        ...

    def label(self, argument: str) -> str:
        """Return the name of an argument in plain words."""
        ...

    def answer(self, rng: Random, slots: Mapping[str, str], value: Any) -> str:
        """Return an answer that states the result `value`."""
        ...


class _FromPhrasings:
    """Makes questions from the phrasings of `patterns/`."""

    tries = 1

    def __init__(self, known: Phrasings) -> None:
        self._known = known
        self.name, self.topic, self.rivals = known.tool, known.topic, known.rivals
        self.missing = tuple(known.missing)

    def question(self, rng: Random, kind: str) -> DrawnQuestion:
        way, _, left_out = kind.partition("/")
        known = self._known
        texts = known.missing[left_out] if left_out else known.easy if way == "easy" else known.hard
        index = rng.randrange(len(texts))
        return DrawnQuestion(texts[index], f"{self.name}/{kind}/{index}", DRAWERS[self.name](rng))

    def label(self, argument: str) -> str:
        return _LABELS.get(argument, argument.replace("_", " "))

    def answer(self, rng: Random, slots: Mapping[str, str], value: Any) -> str:
        return answer_from_phrasings(rng, self._known, slots, value)


class _FromDefinition(DescribedTool):
    """Makes questions only from the definition of the tool."""

    tries = 6

    def answer(self, rng: Random, slots: Mapping[str, str], value: Any) -> str:  # noqa: ARG002 - of the protocol
        return answer_from_result(rng, value)


def from_definition(maker: QuestionMaker) -> DescribedTool | None:
    """Return `maker` if it makes questions from the tool's definition, else None."""
    return maker if isinstance(maker, DescribedTool) else None


def question_makers(toolbox: Toolbox) -> tuple[dict[str, QuestionMaker], dict[str, str]]:
    """Return a question maker for each tool of `toolbox` for which questions can be made.

        tool                                                    source of the questions
        has phrasings, and the arguments of the catalog's tool  the phrasings
        every other tool                                        the definition of the tool

    The shipped training data has no questions for some tools of the catalog (held-out tools). These tools get no maker,
    even if the user's manifest does not hold them out. But they can be offered in addition to the right tool.

    Returns:
        Two dictionaries with tool names as keys. The first contains the makers, in the order of the toolbox. The second
        contains the tools for which no valid arguments can be drawn, each with the reason.
    """
    makers: dict[str, QuestionMaker] = {}
    refused: dict[str, str] = {}
    never_asked = held_out(shipped_manifest()).tools
    for tool in toolbox.tools:
        of_catalog = catalog().by_name.get(tool.name)
        known = phrasings().get(tool.name)
        if known is not None and of_catalog is not None and same_arguments(tool, of_catalog):
            makers[tool.name] = _FromPhrasings(known)
            continue
        if tool.name in never_asked and tool == of_catalog:
            continue
        try:
            makers[tool.name] = _FromDefinition(tool)
        except CannotSample as error:
            refused[tool.name] = str(error)
    _add_rivals(makers, toolbox)
    return makers, refused


def _add_rivals(makers: Mapping[str, QuestionMaker], toolbox: Toolbox) -> None:
    """Add the rivals to each maker. Two tools are rivals if their names and descriptions have two words in common.

    If both tools have phrasings, no rivals are added, because the phrasings already contain the rivals.
    """
    words = {name: _words_of(toolbox[name]) for name in makers}
    for name, maker in makers.items():
        maker.rivals += tuple(
            other
            for other in makers
            if other != name
            and (from_definition(maker) or from_definition(makers[other]))
            and other not in maker.rivals
            and len(words[other] & words[name]) > 1
        )


def _words_of(tool: Tool) -> frozenset[str]:
    return content_words(f"{' '.join(name_words(tool.name))} {tool.description}")
