"""Makes the skeleton of a question: the words of the question, with a mask in place of each value.

Several values in a row have one mask. So "median of 3, 5 and 9" and "median of 4, 1" have the same skeleton. These
parts of a question are values:

- quotations, dates, addresses and hashtags
- words with a digit, and names inside a sentence
- arguments of expected and earlier calls
- slots of a template
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from toolmark.benchmark.data.cases import Case, ExpectCall
from toolmark.benchmark.policies.named_values import EMAIL, QUOTATION, URL
from toolmark.suites.lint.findings import user_text

__all__ = ["MASK", "case_skeleton", "grams", "similarity", "template_skeleton"]

MASK = "_"
Skeleton = tuple[str, ...]
"""The words of a question, in lower case. One `MASK` stands for several values in a row."""

_MAX_TEXT = 20_000
_HOLE = "\0"
_VALUES = re.compile(
    rf"{QUOTATION}|{EMAIL}|{URL}|(?<!\w)[#@]\w{{1,100}}"
    r"|(?<!\w)[^\W\d]{0,30}\d[\w.,:/%^*+-]{0,60}(?<![.,:])"
)
_SLOT = re.compile(r"['\"]?\{[^{}]{0,60}\}['\"]?")
_TOKEN = re.compile(r"\0|[^\W\d_]+(?:['’][^\W\d_]+)?|[.!?:\n]")
_ENDS = frozenset(".!?:\n")
_JOINS = frozenset({"and", "or"})
_ALWAYS_CAPITAL = frozenset({"I", "I'm", "I’m", "I've", "I’ve", "I'd", "I’d", "I'll", "I’ll"})


def _strings_in(value: Any) -> Iterator[str]:
    """Yield the strings with more than one character in a JSON value, at any depth."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for inner in value:
            yield from _strings_in(inner)
    elif isinstance(value, str) and len(value.strip()) > 1:
        yield value.strip()


def _argument_strings(case: Case) -> Iterator[str]:
    for message in case.messages:
        for call in message.tool_calls:
            yield from _strings_in(dict(call.arguments))
    for option in case.expect.any_of if isinstance(case.expect, ExpectCall) else ():
        for spec in option.calls:
            yield from _strings_in({name: rule.example() for name, rule in spec.arguments.items()})


def _words_and_masks(text: str) -> Skeleton:
    words: list[str] = []
    opens = True
    for token in _TOKEN.findall(text):
        if token in _ENDS:
            opens = True
            continue
        proper = token[0].isupper() and not opens and token not in _ALWAYS_CAPITAL
        words.append(MASK if token == _HOLE or proper else token.casefold().replace("’", "'"))
        opens = False
    return tuple(_collapsed(words))


def _collapsed(words: list[str]) -> list[str]:
    """Return the words with consecutive masks replaced by one mask. A single `and` or `or` between masks is dropped."""
    kept: list[str] = []
    for word in words:
        if word == MASK:
            if kept[-1:] == [MASK]:
                continue
            if len(kept) > 1 and kept[-1] in _JOINS and kept[-2] == MASK:
                kept.pop()
                continue
        kept.append(word)
    return kept


def case_skeleton(case: Case) -> Skeleton:
    """Return the skeleton of all turns of the user."""
    text = user_text(case)[:_MAX_TEXT]
    for value in sorted(set(_argument_strings(case)), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", _HOLE, text, flags=re.IGNORECASE)
    return _words_and_masks(_VALUES.sub(_HOLE, text))


def template_skeleton(pattern: str) -> Skeleton:
    """Return the skeleton of a template with slots in braces."""
    return _words_and_masks(_VALUES.sub(_HOLE, _SLOT.sub(_HOLE, pattern)))


def grams(skeleton: Skeleton) -> frozenset[Skeleton]:
    """Return the 3-grams of a skeleton.

    A skeleton with less than three words has one gram: the whole skeleton. A skeleton without words has no gram.
    """
    if set(skeleton) <= {MASK}:
        return frozenset()
    return frozenset(skeleton[start : start + 3] for start in range(max(1, len(skeleton) - 2)))


def similarity(left: frozenset[Skeleton], right: frozenset[Skeleton]) -> float:
    """Return the Jaccard index of two sets of grams, from 0 to 1."""
    return len(left & right) / len(left | right) if left or right else 0.0
