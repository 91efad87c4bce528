"""Makes copying tasks: the answer is a part of the question, such as a text, a JSON value, or an item of a list.

For an exact tool call, a model must copy strings from the prompt into JSON without a change. These tasks train this
skill.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from toolmark.generators.template import values
from toolmark.generators.template.pocket import unvalidated_traces as build
from toolmark.generators.template.words import words

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from toolmark.benchmark.data.traces import Trace

__all__ = ["copying"]

Question = tuple[str, str]
"""A question, and its only right answer."""


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _quote(text: str) -> str:
    return f"'{text}'" if '"' in text else f'"{text}"'


def _key(rng: Random) -> str:
    roll = rng.random()
    if roll < 0.25:
        return rng.choice("abcdefghijkmnpqrstuvwxyz")
    if roll < 0.6:
        return rng.choice(words().things)
    if roll < 0.75:
        return f"{rng.choice(words().adjectives)}_{rng.choice(words().things)}"
    return values.gibberish(rng)


def _value(rng: Random) -> Any:
    roll = rng.random()
    if roll < 0.3:
        return values.integer(rng)
    if roll < 0.4:
        return values.decimal(rng)
    if roll < 0.46:
        return rng.random() < 0.5
    return values.text(rng) if roll < 0.8 else values.word(rng)


def _unquoted(value: Any) -> str:
    """Return `value` as part of a sentence: a string unchanged, any other value as JSON."""
    return value if isinstance(value, str) else _json(value)


def _list_item(value: Any) -> str:
    """Return `value` as an item of a list. If `value` contains a separator, the item is in quotation marks."""
    text = _unquoted(value)
    return _quote(text) if any(mark in text for mark in (",", ";", "|", " and ", ". ")) else text


def _pairs(rng: Random, most: int) -> dict[str, Any]:
    pairs: dict[str, Any] = {}
    for _ in range(rng.randint(1, most)):
        pairs[_key(rng)] = _value(rng)
    return pairs


def _repeat(rng: Random, size: int) -> Question:
    text = values.text(rng)
    for _ in range(rng.randint(0, size - 1)):
        text += rng.choice((" ", " ", ", ", "; ", " - ")) + values.text(rng)
    ask = rng.choice(
        (
            "Repeat: {0}",
            "repeat {0}",
            "Repeat after me: {0}",
            "Say {0}",
            "Say this: {0}",
            "Write exactly: {0}",
            "Copy this text: {0}",
            "copy {0}",
            "Echo {0}",
            "Type the following: {0}",
            "Give me this back unchanged: {0}",
            "{0}\nRepeat the line above.",
            "Please repeat {1}",
            "Can you say {1}?",
            "What is between the quotes? {1}",
            "Write {1} without the quotes.",
            "Answer only with {1}.",
        )
    )
    return ask.format(text, _quote(text)), text


def _quoted_json(rng: Random, _: int) -> Question:
    text = values.text(rng) if rng.random() < 0.6 else values.sentence(rng)
    key = _key(rng)
    ask = rng.choice(
        (
            "Put this text into JSON under the key {0}: {1}",
            "Make a JSON object with {0} set to {2}.",
            "JSON with one key, {0}, and the value {2}",
            "As JSON, {0} is the text {2}",
            "Wrap {2} in JSON as {0}.",
            "{1}\nPut that line into JSON, key {0}.",
        )
    )
    return ask.format(key, text, _quote(text)), _json({key: text})


def _string_json(rng: Random, _: int) -> Question:
    text = values.text(rng)
    ask = rng.choice(("Write this as a JSON string: {0}", "JSON string of {0}", "Quote for JSON: {0}"))
    return ask.format(text), _json(text)


def _pairs_json(rng: Random, size: int) -> Question:
    pairs = _pairs(rng, 1 + size)
    link = rng.choice((" is ", " is ", " = ", ": ", " equals "))
    listed = [f"{key}{link}{_list_item(value)}" for key, value in pairs.items()]
    joined = rng.choice((", ", ", ", "; ", " and ")).join(listed)
    ask = rng.choice(
        (
            "Make JSON: {0}",
            "make json: {0}",
            "Write JSON where {0}",
            "Turn this into JSON: {0}",
            "As a JSON object: {0}",
            "{0}. Give me that as JSON.",
            "Convert to JSON: {0}",
            "I need a JSON object with {0}",
        )
    )
    return ask.format(joined), _json(pairs)


def _lines_json(rng: Random, size: int) -> Question:
    pairs = _pairs(rng, 2 + size)
    mark = rng.choice((": ", " = ", "=", " -> ", "\t"))
    lines = "\n".join(f"{key}{mark}{_unquoted(value)}" for key, value in pairs.items())
    ask = rng.choice(
        ("Convert these lines to JSON:\n{0}", "{0}\n\nAs JSON, please.", "Key and value a line, make it JSON:\n{0}")
    )
    return ask.format(lines), _json(pairs)


def _nested_json(rng: Random, size: int) -> Question:
    outer, inner = _key(rng), _pairs(rng, size)
    listed = ", ".join(f"{key} is {_list_item(value)}" for key, value in inner.items())
    label = values.word(rng)
    ask = rng.choice(
        (
            "Make nested JSON: id is {0}, and {1} holds {2}",
            "JSON with id {0} and an object {1} in which {2}",
            "Write a JSON object: id {0}; inside {1}: {2}",
        )
    )
    return ask.format(label, outer, listed), _json({"id": label, outer: inner})


def _items(rng: Random, low: int, high: int) -> list[Any]:
    kind = rng.choice((values.integer, values.decimal, values.word, values.word, values.person, values.code))
    return list(dict.fromkeys(kind(rng) for _ in range(rng.randint(low, high))))


def _list_json(rng: Random, size: int) -> Question:
    items = _items(rng, 1, 3 + 2 * size)
    shown = [_unquoted(item) for item in items]
    joined = rng.choice((", ", ", ", "; ", "\n", " | ")).join(shown)
    if len(shown) > 1 and rng.random() < 0.3:
        joined = ", ".join(shown[:-1]) + f" and {shown[-1]}"
    key = _key(rng)
    ask, keyed = rng.choice(
        (
            ("JSON list: {0}", False),
            ("Make a JSON list of {0}", False),
            ("Turn into a JSON array: {0}", False),
            ("{0}\nas a JSON list", False),
            ("Write these as a JSON array: {0}", False),
            ("JSON with the list {1}: {0}", True),
            ("Make JSON, {1} is the list {0}", True),
        )
    )
    return ask.format(joined, key), _json({key: items} if keyed else items)


def _look_up(rng: Random, size: int) -> Question:
    pairs = _pairs(rng, 3 + size)
    key = rng.choice(list(pairs))
    style = rng.randrange(3)
    if style == 0:
        shown = _json(pairs)
    else:
        shown = (", ", "\n")[style - 1].join(f"{name}: {_unquoted(value)}" for name, value in pairs.items())
    ask = rng.choice(
        (
            "{0}\nWhat is {1}?",
            "What is {1} here? {0}",
            "Given {0}, give the value of {1}.",
            "Read {1} from this: {0}",
            "{0}\n{1}?",
        )
    )
    return ask.format(shown, key), _unquoted(pairs[key])


def _place(rng: Random, size: int) -> Question:
    items = _items(rng, 3, 4 + size)
    shown = ", ".join(_unquoted(item) for item in items)
    index, where = rng.choice(((0, "first"), (1, "second"), (-1, "last")))
    ask = rng.choice(
        ("{0}. Which is the {1}?", "What is the {1} item of {0}?", "Give the {1} of these: {0}", "{1} of {0}?")
    )
    return ask.format(shown, where), _unquoted(items[min(index, len(items) - 1)])


_FINDS: tuple[tuple[str, Callable[[Random], str], tuple[str, ...]], ...] = (
    ("email address", values.email, ("Write to {0} today.", "My address is {0}, use it.", "Mail {0} or call me.")),
    ("link", values.url, ("The page is {0} if you want it.", "See {0} for more.", "I read {0} again.")),
    ("date", values.iso_date, ("We meet on {0} at noon.", "The {1} came on {0}.", "It is due {0}, not later.")),
    ("phone number", values.phone, ("Call {0} after six.", "My number is {0} now.", "Ring {0} about the {1}.")),
    ("code", values.code, ("The code {0} opens the {1}.", "Use {0} at the door.", "Order {0} has left.")),
    ("name", values.person, ("The {1} belongs to {0}.", "{0} bought the {1}.", "Ask {0} for the {1}.")),
    ("city", values.city, ("We moved the {1} to {0}.", "The {1} is from {0}.", "She lives in {0} now.")),
    ("time", values.clock, ("The {1} opens at {0}.", "Come at {0}, please.", "We leave at {0} sharp.")),
    (
        "number",
        lambda rng: str(abs(values.integer(rng))),
        ("There are {0} {1}s here.", "It took {0} days.", "I counted {0} of them."),
    ),
)


def _extract(rng: Random, size: int) -> Question:
    label, make, sentences = rng.choice(_FINDS)
    value = make(rng)
    text = rng.choice(sentences).format(value, rng.choice(words().things))
    for _ in range(rng.randint(0, size)):
        filler = f"The {rng.choice(words().things)} is {rng.choice(words().adjectives)}."
        text = rng.choice((f"{text} {filler}", f"{filler} {text}"))
    ask, wrapped = rng.choice(
        (
            ("What is the {1} in this text? {0}", False),
            ("{0}\nWhich {1} is named?", False),
            ("Extract the {1}: {0}", False),
            ("Find the {1} in {2}", False),
            ("{0} Give only the {1}.", False),
            ("Extract the {1} as JSON: {0}", True),
        )
    )
    answer = _json({label.replace(" ", "_"): value}) if wrapped else value
    return ask.format(text, label, _quote(text)), answer


def _spell(rng: Random, _: int) -> Question:
    word = values.word(rng)
    mark, how = rng.choice((("-", "with dashes"), (" ", "with spaces"), ("-", "letter by letter")))
    ask = rng.choice(("Spell {0} {1}.", "How do you spell {0}, {1}?", "spell out {0} {1}"))
    return ask.format(word, how), mark.join(word)


def _join(rng: Random, _: int) -> Question:
    word = values.gibberish(rng)
    return rng.choice(("Join the letters: {0}", "{0}: which word is that?")).format("-".join(word)), word


def _date(rng: Random, _: int) -> Question:
    when = values.day(rng)
    ask = rng.choice(("Write {0} as YYYY-MM-DD.", "{0} in ISO form?", "ISO date of {0}", "Turn {0} into YYYY-MM-DD."))
    return ask.format(values.spoken_date(rng, when)), when.isoformat()


def _template(rng: Random, _: int) -> Question:
    first, second = values.word(rng), _unquoted(_value(rng))
    ask, form = rng.choice(
        (
            ("Say 'The {0} is {1}.' with {0} = {2} and {1} = {3}", "The {2} is {3}."),
            ("Fill in: I have {0} and {1}. Use {2}, then {3}.", "I have {2} and {3}."),
            ("Write {2} in square brackets, then {3}.", "[{2}] {3}"),
            ("Write {2} twice.", "{2} {2}"),
            ("{2} and {3}: swap the two.", "{3} and {2}"),
        )
    )
    return ask.format("X", "Y", first, second), form.format("X", "Y", first, second)


_TASKS: tuple[tuple[int, Callable[[Random, int], Question]], ...] = (
    (20, _repeat),
    (12, _quoted_json),
    (3, _string_json),
    (16, _pairs_json),
    (6, _lines_json),
    (4, _nested_json),
    (9, _list_json),
    (8, _look_up),
    (4, _place),
    (10, _extract),
    (2, _spell),
    (1, _join),
    (3, _date),
    (3, _template),
)
_WEIGHTS = [weight for weight, _ in _TASKS]


def copying(rng: Random, size: int) -> Trace:
    """Return a random task in which the answer is copied from the question.

    Args:
        rng: Source of all random choices.
        size: From 1 to 3. A greater size gives longer answers.
    """
    _, task = rng.choices(_TASKS, _WEIGHTS)[0]
    question, answer = task(rng, size)
    return build.trace(
        (build.user(question), build.answer(answer)), (), query=question, query_type="no_tool", source="pocket/copy"
    )
