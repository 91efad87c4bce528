"""Invents tools. A tool has an action ("finds") and a subject ("recipe"). Every conversation gets new tools.

The description and the question use different words for the same action and subject: "Looks up a dish" and "find the
recipe". The tools of a toolbox are similar to one another. So a model must read the list to find the right tool.

Half of the subjects are random things or invented words, without synonyms. A model can find such a subject by comparing
letters, without knowing the meaning of the word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolmark.generators.template import values
from toolmark.generators.template.pocket import unvalidated_traces as build
from toolmark.generators.template.pocket.arguments import Argument, draw_argument
from toolmark.generators.template.words import Action, Subject, words

if TYPE_CHECKING:
    from random import Random

    from toolmark.benchmark.data.cases import Tool

__all__ = ["InventedTool", "draw_subject", "make_tool", "make_toolbox", "purpose", "request"]


@dataclass(frozen=True, slots=True)
class InventedTool:
    """An invented tool.

    Attributes:
        tool: The tool as it is offered.
        action: What the tool does.
        subject: The subject of the action.
        arguments: The arguments of the tool.
        required: The names of the required arguments.
    """

    tool: Tool
    action: Action
    subject: Subject
    arguments: tuple[Argument, ...]
    required: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return the name of the tool."""
        return self.tool.name


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeio" else "a"


def _tool_name(rng: Random, action: Action, subject: Subject) -> str:
    """Draw the name of a tool. Most names have the form action_subject, such as `find_recipe`.

    Other names have another form or no meaning, so a model must read the descriptions.
    """
    verb, noun = rng.choice(action.name), subject.name
    roll = rng.random()
    if roll < 0.66:
        return f"{verb}_{noun}"
    if roll < 0.74:
        first, *rest = f"{verb}_{noun}".split("_")
        return first + "".join(part.title() for part in rest)
    if roll < 0.82:
        return f"{noun}_{verb}"
    if roll < 0.9:
        return f"{subject.domain}_{verb}_{noun}"
    return f"{values.gibberish(rng)}_{rng.randint(1, 99)}" if rng.random() < 0.5 else values.gibberish(rng)


def _description(rng: Random, action: Action, subject: Subject, arguments: tuple[Argument, ...]) -> str:
    noun = rng.choice(subject.spoken)
    text = f"{rng.choice(action.says)} {rng.choice((_article(noun), _article(noun), 'the', 'one'))} {noun}"
    if arguments and rng.random() < 0.35:
        text += f" {rng.choice(('by', 'by its', 'with the', 'given the'))} {arguments[0].label}"
    elif rng.random() < 0.15:
        text += f" {rng.choice(('in the system', 'for the user', 'right away', 'from the catalogue', 'online'))}"
    return text + "."


def draw_subject(rng: Random) -> Subject:
    """Draw a subject.

    Half of the subjects have synonyms, from the word lists. The other half are things or invented words, without
    synonyms.
    """
    known = words()
    if rng.random() < 0.5:
        return rng.choice(known.subjects)
    name = rng.choice(known.things) if rng.random() < 0.6 else values.gibberish(rng)
    if rng.random() < 0.2:
        name = f"{rng.choice(known.adjectives)} {name}"
    return Subject(name.replace(" ", "_"), (name,), rng.choice(known.things))


def make_tool(rng: Random, action: Action, subject: Subject) -> InventedTool:
    """Make a tool for `action` and `subject` with zero to four arguments. The first argument is required."""
    count = rng.choices((0, 1, 2, 3, 4), (8, 40, 30, 15, 7))[0]
    drawn = {argument.name: argument for argument in (draw_argument(rng) for _ in range(count))}
    arguments = tuple(drawn.values())
    required = tuple(argument.name for index, argument in enumerate(arguments) if index == 0 or rng.random() < 0.6)
    described = rng.random() < 0.4
    properties: dict[str, Any] = {}
    for argument in arguments:
        properties[argument.name] = dict(argument.schema)
        if described:
            properties[argument.name]["description"] = f"The {argument.label} of the {subject.spoken[0]}."
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = list(required)
    schema["additionalProperties"] = False
    tool = build.tool(_tool_name(rng, action, subject), _description(rng, action, subject, arguments), schema)
    return InventedTool(tool, action, subject, arguments, required)


def make_toolbox(rng: Random, size: int, without: tuple[Action, Subject] | None = None) -> list[InventedTool]:
    """Make `size` tools. All names are different, and all pairs of action and subject are different.

    One third of the further tools have the same action or the same subject as the first tool. If `without` is given,
    its action and subject are used instead of those of the first tool.

    Args:
        rng: Source of all random choices.
        size: Number of tools.
        without: An action and a subject for which there must be no tool.
    """
    known = words()
    taken = {(without[0].key, without[1].name)} if without else set()
    names: set[str] = set()
    invented: list[InventedTool] = []
    anchor = without
    while len(invented) < size:
        action, subject = rng.choice(known.actions), draw_subject(rng)
        if anchor is not None:
            roll = rng.random()
            if roll < 0.2:
                action = anchor[0]
            elif roll < 0.32:
                subject = anchor[1]
        if (action.key, subject.name) in taken:
            continue
        fresh = make_tool(rng, action, subject)
        if fresh.name in names:
            continue
        anchor = anchor or (action, subject)
        taken.add((action.key, subject.name))
        names.add(fresh.name)
        invented.append(fresh)
    return invented


def purpose(rng: Random, invented: InventedTool) -> str:
    """Return what `invented` does, in the words of a question: "find the recipe"."""
    return f"{rng.choice(invented.action.asks)} the {rng.choice(invented.subject.spoken)}"


_OPENERS = (
    "",
    "",
    "",
    "",
    "Please ",
    "Can you ",
    "Could you ",
    "I want to ",
    "I need to ",
    "Help me ",
    "Hey, ",
    "Now ",
)
_CLOSERS = ("", "", "", " Thanks!", " Thank you.")
_TALK = (
    "I was in {city} all morning and am back now.",
    "{name} called me a minute ago.",
    "It has been a long day.",
    "My boss wants this done before {weekday}.",
    "We have guests this evening.",
    "Sorry to bother you again.",
    "I nearly forgot about this.",
    "The {thing} can wait, this cannot.",
)


def _clause(rng: Random, argument: Argument, value: Any, spoken: str, alone: bool) -> str:
    """Return words that state one argument.

    `alone` is true if no other argument of the tool has the same kind. The label of the argument is then often left
    out.
    """
    label = argument.label
    if isinstance(value, bool) and rng.random() < 0.6:
        return rng.choice((f"make it {label}", label)) if value else f"not {label}"
    if alone and argument.natural and rng.random() < 0.45:
        return rng.choice(argument.natural).format(spoken)
    return rng.choice(
        (
            f"with {label} {spoken}",
            f"with the {label} {spoken}",
            f"{label}: {spoken}",
            f"{label} {spoken}",
            f"{label} = {spoken}",
            f"where the {label} is {spoken}",
            f"the {label} should be {spoken}",
            f"using {spoken} as the {label}",
            f"with the {label} set to {spoken}",
        )
    )


def request(
    rng: Random, invented: InventedTool, *, talk: bool, leave_out: str | None = None
) -> tuple[str, dict[str, Any]]:
    """Return a request for the tool `invented`, and the arguments of the right call.

    Args:
        rng: Source of all random choices.
        invented: The tool.
        talk: Whether an unrelated sentence is added.
        leave_out: A required argument that the request does not state. None if the request is complete.
    """
    given: dict[str, Any] = {}
    clauses: list[str] = []
    noun = rng.choice(invented.subject.spoken)
    named = f"{rng.choice(('the', 'the', _article(noun), 'my'))} {noun}"
    for index, argument in enumerate(invented.arguments):
        if argument.name == leave_out or (argument.name not in invented.required and rng.random() < 0.5):
            continue
        value, spoken = argument.say(rng)
        given[argument.name] = value
        if index == 0 and argument.schema.get("type") == "string" and rng.random() < 0.35:
            named += rng.choice((f" {spoken}", f" for {spoken}", f" called {spoken}", f" of {spoken}"))
        else:
            alone = sum(other.kind == argument.kind for other in invented.arguments) == 1
            clauses.append(_clause(rng, argument, value, spoken, alone))
    rng.shuffle(clauses)
    opener, closer = rng.choice(_OPENERS), rng.choice(_CLOSERS)
    body = f"{rng.choice(invented.action.asks)} {named}"
    if clauses:
        body += rng.choice((" ", " ", ", ")) + rng.choice((", ", ", ", " and ", "; ")).join(clauses)
    text = opener + body if opener else body[0].upper() + body[1:]
    asked = opener.startswith(("Can", "Could"))
    text += "?" if asked and rng.random() < 0.7 else rng.choice((".", ".", ""))
    if closer and text[-1] in ".?":
        text += closer
    if rng.random() < 0.15:
        text = text[0].lower() + text[1:]
    if talk:
        known = words()
        aside = rng.choice(_TALK).format(
            city=values.city(rng),
            name=rng.choice(known.given_names),
            weekday=rng.choice(known.weekdays),
            thing=rng.choice(known.things),
        )
        text = f"{aside} {text}" if rng.random() < 0.7 else f"{text}{'' if text[-1] in '.?!' else '.'} {aside}"
    return text, given
