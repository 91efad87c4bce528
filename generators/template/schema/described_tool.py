"""Makes questions for a tool from the tool's definition.

A question is a frame, filled with an intent and with arguments. A frame is a sentence with gaps (`frames.toml`). An
intent says in words what the tool does (`intents.py`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from toolmark.benchmark.data.cases import Tool
from toolmark.benchmark.tools.schemas import compile_schema, problems
from toolmark.generators.template.default.draws.draw import Draw
from toolmark.generators.template.schema.intents import Intent, content_words, intents, listed_words, name_words
from toolmark.generators.template.schema.mentions import Mention, joined, mention, spoken
from toolmark.generators.template.schema.samples import OPTIONAL_SHARE, CannotSample, branch, sample

if TYPE_CHECKING:
    from random import Random

__all__ = ["DescribedTool", "DrawnQuestion"]

_TRIES = 12
_NAMED_SHARE = 0.35
"""Most questions use an intent without the words of the tool's name. This share of the questions can use any intent."""

_BRACKETS = re.compile(r"\[([^\]]*)\]")
_DETERMINER = r"(?:a|an|the|your|some|this|that|one)(?: given| specified| particular| certain| single)?"


@dataclass(frozen=True, slots=True)
class DrawnQuestion:
    """A question, with the arguments of the right call.

    Attributes:
        text: Text of the question, with slots in braces.
        group: The group of the question's case. All questions with the same phrasing are in one group.
        draw: The arguments of the right call, and the texts of the slots.
    """

    text: str
    group: str
    draw: Draw


@cache
def _frames() -> Mapping[str, Mapping[str, Sequence[str]]]:
    return tomllib.loads(files(__package__).joinpath("frames.toml").read_text(encoding="utf-8"))


class DescribedTool:
    """Makes questions for a tool from the tool's definition.

    Args:
        tool: The tool.

    Attributes:
        name: Name of the tool.
        topic: Topic of the tool's cases.
        rivals: Other tools that could serve the same request. They are set after all tools of the toolbox are known.
        missing: Required arguments that a question can leave out.
        words: The words of the tool's name and description, without words such as "the".

    Raises:
        CannotSample: No valid arguments can be drawn for the tool.
    """

    topic = "own"

    def __init__(self, tool: Tool) -> None:
        self.tool = tool
        self.name = tool.name
        self.rivals: tuple[str, ...] = ()
        self._validator = compile_schema(tool.parameters)
        from random import Random

        shape = branch(Random(0), tool.parameters, tool.parameters)  # noqa: S311 - repeatable, not secret
        self._properties: dict[str, Any] = dict(shape.get("properties", {}))
        self._required = [name for name in shape.get("required", ()) if name in self._properties]
        self._words = " ".join(name_words(tool.name))
        self.intents = intents(tool)
        self.missing = tuple(name for name in self._required if not _has_default(self._properties[name]))
        self.words = content_words(f"{self._words} {tool.description}")
        self._known: dict[str, Any] | None = None
        self._known = self._draw(Random(0))  # noqa: S311 - raises if no valid arguments can be drawn

    def label(self, argument: str) -> str:
        """Return the name of the argument in plain words, without its unit."""
        words = name_words(argument)
        return " ".join(words[:-1] if self._unit(argument) else words) or "value"

    def _unit(self, argument: str) -> str:
        """Return the unit at the end of the argument's name: "km" for `distance_km`. Empty if there is no unit."""
        words = name_words(argument)
        return words[-1] if len(words) > 1 and words[-1] in listed_words("units") else ""

    def question(self, rng: Random, kind: str) -> DrawnQuestion:
        """Return a question of the kind `easy`, `hard`, or `missing/ARGUMENT` (a question without this argument)."""
        way, _, left_out = kind.partition("/")
        arguments = self._draw(rng)
        told = {name: value for name, value in arguments.items() if name != left_out}
        intent = self._intent(rng, own=way == "easy" and rng.random() < 0.6)
        slots, text, rest = self._filled(rng, intent, told, freely=way == "hard", left_out=left_out)
        frames = _frames()["leaving_out" if way == "missing" else way][intent.kind]
        index = rng.randrange(len(frames))
        accept = {}
        for name, value in arguments.items():
            if isinstance(value, bool) or not isinstance(value, float):
                continue
            accept[name] = {"match": "number", "of": [value]}
        asked = _framed(rng, frames[index], text, rest)
        group = f"{self.name}/{kind}/{intent.kind}/{index}"
        return DrawnQuestion(asked, group, Draw(arguments, slots, accept))

    def _intent(self, rng: Random, *, own: bool) -> Intent:
        """Draw an intent. If `own` is true, an intent that contains the verb of the description is preferred.

        Most drawn intents do not contain the words of the tool's name. So a model must read the descriptions.
        """
        quiet = [intent for intent in self.intents if self._words not in _lower_words(intent.words)]
        pool = quiet if quiet and rng.random() > _NAMED_SHARE else self.intents
        preferred = [intent for intent in pool if intent.own]
        return rng.choice(preferred if own and preferred else pool)

    def _draw(self, rng: Random) -> dict[str, Any]:
        """Draw arguments that the schema accepts. If no try succeeds, return the arguments from the first draw.

        The first draw is made by `__init__`.

        Raises:
            CannotSample: The first draw found no valid arguments.
        """
        reason = ""
        for _ in range(_TRIES):
            try:
                given = {
                    name: sample(rng, schema, self.tool.parameters, self.label(name))
                    for name, schema in self._properties.items()
                    if name in self._required or rng.random() < OPTIONAL_SHARE
                }
            except CannotSample as error:
                reason = str(error)
                continue
            given = _in_order(given)
            if not (found := problems(given, self._validator)):
                return given
            reason = f"{found[0].path or 'arguments'}: {found[0].message}"
        if self._known is not None:
            return dict(self._known)
        raise CannotSample(reason)

    def _filled(
        self, rng: Random, intent: Intent, told: Mapping[str, Any], *, freely: bool, left_out: str
    ) -> tuple[dict[str, str], str, list[Mention]]:
        """Put some of the arguments into the intent.

        Returns:
            The texts of the slots, the intent with some of the arguments, and the remaining arguments.
        """
        slots: dict[str, str] = {}
        rest: list[Mention] = []
        text = intent.words
        natural: list[str] = []
        for index, (name, value) in enumerate(told.items()):
            slot, label = f"a{index}", self.label(name)
            unit = self._unit(name) if isinstance(value, int | float) and not isinstance(value, bool) else ""
            slots[slot] = f"{spoken(rng, value, freely=freely)} {unit}".rstrip()
            said = mention(rng, name, label, value, slot)
            hole = "{" + slot + "}"
            if (
                isinstance(value, str | int | float)
                and not isinstance(value, bool)
                and len(slots[slot]) <= 40
                and name != left_out
                and rng.random() < 0.6
            ):
                inside = rng.choice((hole, f"the {label} {hole}"))
                if place := re.search(rf"\b{_DETERMINER} {re.escape(label)}\b", text):
                    text = text[: place.start()] + inside + text[place.end() :]
                    continue
            if said.natural and rng.random() < 0.6:
                natural.append(said.natural)
                continue
            rest.append(said)
        rng.shuffle(rest)
        return slots, " ".join([text, *natural]), rest


def _framed(rng: Random, frame: str, text: str, rest: Sequence[Mention]) -> str:
    shown = _BRACKETS.sub(r"\1" if rest else "", frame)
    shorts = [said.short for said in rest]
    style = rng.randrange(3)
    listed = (", " if style else "; ").join(shorts)
    sentences = [said.sentence for said in rest]
    say = ". ".join(sentences) + "." if style or len(rest) < 2 else f"{_joined_sentences(sentences)}."
    parts = {
        "<it>": text,
        "<It>": _capitalised(text),
        "<list>": listed,
        "<List>": _capitalised(listed),
        "<and>": joined(shorts),
        "<say>": say,
        "<Say>": say,
    }
    return re.sub(r"<\w+>", lambda match: parts[match[0]], shown)


def _joined_sentences(sentences: Sequence[str]) -> str:
    """Return one sentence in which the sentences are joined with "and"."""
    first, *others = sentences
    return joined([first, *(sentence[0].lower() + sentence[1:] for sentence in others)])


def _has_default(schema: Any) -> bool:
    """Return whether an argument has a default or a constant. A question is complete without such an argument."""
    return isinstance(schema, Mapping) and bool({"default", "const"} & schema.keys())


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _lower_words(text: str) -> str:
    return " ".join(name_words(text))


def _in_order(given: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments with values in a realistic order: dates ascending, and each minimum below its maximum."""
    ordered = dict(given)
    dates = [name for name, value in given.items() if isinstance(value, str) and re.match(r"\d{4}-\d{2}-\d{2}", value)]
    if len({len(given[name]) for name in dates}) == 1:
        ordered.update(zip(dates, sorted(given[name] for name in dates), strict=True))
    for low in [name for name in given if re.match(r"(?:min|from|least|start|low)", name)]:
        stem = re.sub(r"^(?:minimum|min|from|least|start|low)", "", low)
        for high in given:
            same = re.fullmatch(rf"(?:maximum|max|to|most|end|high){re.escape(stem)}", high)
            numbers = all(isinstance(given[name], int | float) for name in (low, high))
            if same and numbers and given[low] > given[high]:
                ordered[low], ordered[high] = given[high], given[low]
    return ordered
