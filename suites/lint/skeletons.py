"""What a question looks like with its values taken out: "median of 3, 5 and 9" and "median of 4, 1" are one skeleton.

Masked are quotations, dates, addresses, hashtags, everything with a digit, proper names inside a sentence, and whatever
the gold or an earlier call uses as an argument; in a template, its slots. What remains are the author's own words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from toolmark.benchmark.data.cases import Case, ExpectCall
from toolmark.benchmark.policies.named_values import EMAIL, QUOTATION, URL
from toolmark.benchmark.scoring.matching import canonical_arguments

__all__ = ["MASK", "case_skeleton", "grams", "similarity", "template_skeleton"]

MASK = "_"
Skeleton = tuple[str, ...]
"""Words in lower case, and `MASK` for each run of values."""

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


def _texts(value: Any) -> Iterator[str]:
    """Strings in a JSON value that are long enough to be worth masking, at any depth."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str) and len(value.strip()) > 1:
        yield value.strip()


def _arguments(case: Case) -> Iterator[str]:
    for message in case.messages:
        for call in message.tool_calls:
            yield from _texts(dict(call.arguments))
    for option in case.expect.any_of if isinstance(case.expect, ExpectCall) else ():
        for spec in option.calls:
            yield from _texts(canonical_arguments(spec))


def _skeleton(text: str) -> Skeleton:
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
    """One mask for a run of them, also where `and` or `or` stands between."""
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
    """The skeleton of all that the user says."""
    text = "\n".join(message.content for message in case.messages if message.role == "user")[:_MAX_TEXT]
    for value in sorted(set(_arguments(case)), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", _HOLE, text, flags=re.IGNORECASE)
    return _skeleton(_VALUES.sub(_HOLE, text))


def template_skeleton(pattern: str) -> Skeleton:
    """The skeleton of a template whose slots stand in braces."""
    return _skeleton(_VALUES.sub(_HOLE, _SLOT.sub(_HOLE, pattern)))


def grams(skeleton: Skeleton) -> frozenset[Skeleton]:
    """Its 3-grams; one shorter one where there are fewer words, and none where no word is the author's own."""
    if set(skeleton) <= {MASK}:
        return frozenset()
    return frozenset(skeleton[start : start + 3] for start in range(max(1, len(skeleton) - 2)))


def similarity(left: frozenset[Skeleton], right: frozenset[Skeleton]) -> float:
    """Jaccard index."""
    return len(left & right) / len(left | right) if left or right else 0.0
