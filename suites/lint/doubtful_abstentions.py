"""Finds cases that expect no call although a call is perhaps right.

The rules compare words only. A person must decide whether a finding is right.

- `answerable`: The case says that no tool is needed. But an offered tool shares words with the question, and the
  question contains a value for every required argument.
- `answerable`: The case says that no tool is needed. But the question asks for a fact, and an offered tool searches the
  web.
- `missing-argument`: The case says that an argument is missing. But the argument is optional, or the question contains
  a value for the argument.
- `already-answered`: The case says that the question is already answered. But the conversation contains no tool result.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from toolmark.benchmark.data.cases import Abstain, Tool
from toolmark.benchmark.policies.lexical import content_words
from toolmark.benchmark.policies.named_values import QUOTATION, named_values
from toolmark.suites.lint.findings import Finding, LocatedCase, user_text

__all__ = ["abstentions"]

_SPOKEN: Mapping[str, str] = {
    "EUR": "euros? €",
    "USD": r"dollars? bucks \$",
    "GBP": "pounds? sterling £",
    "JPY": "yen ¥",
    "AAPL": "apple",
    "GOOGL": "google alphabet",
    "MSFT": "microsoft",
    "TSLA": "tesla",
    "BTC": "bitcoins?",
    "ETH": "ethereum ether",
    "ADA": "cardano",
    "DOT": "polkadot",
    "m": "met(?:er|re)s?",
    "ft": "foot feet",
    "km": "kilomet(?:er|re)s? kms",
    "mi": "miles?",
    "kg": "kilos? kilograms? kgs",
    "lb": "pounds? lbs",
    "c": "celsius centigrade °c",
    "f": "fahrenheit °f",
}
"""Regular expressions for other words with the meaning of an enumeration value. The key is the value."""

_QUOTATION = re.compile(QUOTATION)
_AFTER_COLON = re.compile(r":\s+(\S[^\n]{0,2000})")
_FACT = re.compile(
    r"(?:^|[.!?\n]\s*)(?:who|when|where|which|what(?:'s|’s|s)?|how (?:many|much|old|tall|far|long|high|big))"
    r" (?:is|are|was|were|did|does|do|has|have|the|of|a|an|wrote|painted|invented|won)\b",
    re.IGNORECASE,
)
_SEARCH = re.compile(r"\b(?:search|look|find|browse)", re.IGNORECASE)
_WEB = re.compile(r"\b(?:web|internet|online|wikipedia|encyclopa?edia)\b", re.IGNORECASE)
_YEARS = range(1900, 2101)


def _values_in(schema: Mapping[str, Any], text: str) -> list[Any]:
    """Return the values in `text` that fit `schema`. Other words for an enumeration value are found too."""
    found = named_values(schema, text)
    options = schema.get("enum")
    for option in options if isinstance(options, list) else ():
        for word in _SPOKEN.get(str(option), "").split():
            pattern = rf"(?<!\w){word}(?!\w)" if word[0].isalpha() else word
            if option not in found and re.search(pattern, text, re.IGNORECASE):
                found.append(option)
    return found


def _arguments_of(tool: Tool) -> tuple[Mapping[str, Any], list[str]]:
    properties, required = tool.parameters.get("properties"), tool.parameters.get("required")
    declared = properties if isinstance(properties, dict) else {}
    needed = [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
    return declared, needed


def _schema(declared: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    schema = declared.get(name)
    return schema if isinstance(schema, dict) else {}


def _evidence(tool: Tool, text: str) -> int | None:
    """Return the number of required arguments of `tool` that have a value in `text`.

    Return None if a required argument has no value. Two arguments cannot share one value.

    The words after a colon can be the value of an argument that takes any string. An argument with such a value is not
    counted, because any words can follow a colon.
    """
    declared, required = _arguments_of(tool)
    used: list[Any] = []
    found = 0
    for name in required:
        schema = _schema(declared, name)
        named = [value for value in _values_in(schema, text) if value not in used]
        free = schema.get("type") == "string" and not {"enum", "format", "pattern"} & schema.keys()
        values = named or [value for value in _AFTER_COLON.findall(text) if free and value not in used]
        if not values:
            return None
        found += bool(named)
        used.append(values[0])
    return found


def _answerable_cases(row: LocatedCase) -> Iterator[Finding]:
    text = user_text(row.case)
    own = set(content_words(_QUOTATION.sub(" ", text)))
    for tool in row.case.toolbox.tools:
        said = f"{tool.name.replace('_', ' ')} {tool.description}"
        shared = own & set(content_words(said))
        found = _evidence(tool, text) if shared else None
        # One common word is weak evidence. It counts only with a fitting value, or if the question has no other word.
        if found is not None and (found or len(shared) > 1 or shared == own):
            words = ", ".join(sorted(shared))
            yield row.finding(
                "answerable",
                f"{tool.name} could answer: no argument is missing, and the description of the tool has words of the "
                f"question: {words}",
            )
        elif _SEARCH.search(said) and _WEB.search(said) and _FACT.search(text):
            yield row.finding("answerable", f"{tool.name} could find this fact")


def _missing(row: LocatedCase, expect: Abstain) -> Iterator[Finding]:
    if expect.tool is None or expect.missing is None:
        yield row.finding("missing-argument", 'the expected answer must have both keys "tool" and "missing"')
        return
    if expect.tool not in row.case.toolbox.names:
        yield row.finding("missing-argument", f"{expect.tool} is not offered")
        return
    declared, required = _arguments_of(row.case.toolbox[expect.tool])
    if expect.missing not in declared:
        yield row.finding("missing-argument", f"{expect.tool} has no argument {expect.missing}")
        return
    schema = _schema(declared, expect.missing)
    if expect.missing not in required or "default" in schema:
        yield row.finding("missing-argument", f"{expect.missing} of {expect.tool} is optional")
        return
    text = user_text(row.case)
    numeric = schema.get("type") in ("integer", "number")
    # A number that looks like a year is probably not an amount.
    fitting = [value for value in _values_in(schema, text) if not (numeric and value in _YEARS)]
    rivals = [name for name in required if name != expect.missing]
    claimed = sum(any(value in fitting for value in _values_in(_schema(declared, name), text)) for name in rivals)
    if len(fitting) > claimed:
        values = ", ".join(map(repr, fitting))
        yield row.finding(
            "missing-argument", f"{expect.missing} of {expect.tool} is perhaps in the question: {values:.200}"
        )


def abstentions(rows: Sequence[LocatedCase]) -> Iterator[Finding]:
    """Yield findings about cases that expect no call although a call is perhaps right."""
    for row in rows:
        if not isinstance(row.case.expect, Abstain):
            continue
        match row.case.expect.reason:
            case "no_tool_needed":
                yield from _answerable_cases(row)
            case "missing_argument":
                yield from _missing(row, row.case.expect)
            case "already_answered" if not any(message.role == "tool" for message in row.case.messages):
                yield row.finding("already-answered", "the conversation has no tool result")
