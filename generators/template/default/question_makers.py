"""Makes questions for the tools of a toolbox, from phrasings that were written for a tool or from its definition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from toolmark.benchmark.data.held_out import held_out, shipped_manifest
from toolmark.benchmark.tools.catalog import catalog
from toolmark.generators.template.default.answers import answer_from_phrasings, answer_from_result
from toolmark.generators.template.default.draws import DRAWERS
from toolmark.generators.template.default.phrasings import Phrasings, phrasings
from toolmark.generators.template.schema import CannotSample, DescribedTool, DrawnQuestion
from toolmark.generators.template.schema.intents import content_words, name_words
from toolmark.generators.tool_arguments import same_arguments

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
"""Labels of arguments whose name alone would not say what they are."""


class QuestionMaker(Protocol):
    """Makes questions for one tool.

    Attributes:
        name: Name of the tool.
        topic: Topic of its cases.
        rivals: Tools that could do the same. Where no tool may fit, these are not offered either.
        missing: Required arguments that a question can leave out.
        tries: How many times arguments are drawn if the tool fails with them.
    """

    name: str
    topic: str
    rivals: tuple[str, ...]
    missing: tuple[str, ...]
    tries: int

    def question(self, rng: Random, kind: str) -> DrawnQuestion:
        """A question of the kind `easy`, `hard` or `missing/ARGUMENT`."""
        ...

    def label(self, argument: str) -> str:
        """An argument in plain words."""
        ...

    def answer(self, rng: Random, slots: Mapping[str, str], value: Any) -> str:
        """An answer that states the result `value`."""
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
    """Makes questions from the definition of the tool alone."""

    tries = 6

    def answer(self, rng: Random, slots: Mapping[str, str], value: Any) -> str:  # noqa: ARG002 - of the protocol
        return answer_from_result(rng, value)


def from_definition(maker: QuestionMaker) -> DescribedTool | None:
    """`maker` if it makes its questions from the tool's definition, else None."""
    return maker if isinstance(maker, DescribedTool) else None


def question_makers(toolbox: Toolbox) -> tuple[dict[str, QuestionMaker], dict[str, str]]:
    """A question maker for each tool of `toolbox` that can be asked for.

    A tool that has phrasings and the arguments of the catalog's tool is asked for with them, every other tool by its
    definition. A tool that is held out of all shipped training data is never asked for, even where the user's manifest
    does not hold it out; it may be offered beside the right tool.

    Returns:
        The makers by tool name, in the order of the toolbox; and for each tool for which no valid arguments can be
        drawn the reason.
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
    """Add the rivals that no phrasings name: two tools are rivals if they share two words of names and descriptions.

    Two tools that both have phrasings are left out. Their rivals were written by hand.
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
