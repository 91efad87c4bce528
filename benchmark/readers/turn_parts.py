"""Splits the text of an assistant turn into thoughts, calls between tags, and other words.

A call in a thought is only a draft, so nothing is searched in thoughts. A mark of a thought inside a call is part of
the call. The marks of thoughts are those of `toolmark.benchmark.dialects.thinking`. A mark or tag that is not closed is
plain text. A tag is also plain text if no bracket follows it, as in "I write <tool_call> tags."
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from toolmark.benchmark.dialects.thinking import CLOSING, MARKS

__all__ = ["TurnParts", "after_thoughts", "turn_parts"]

_TAGS = {f"<{tag}>": f"</{tag}>" for tag in ("tool_call", "TOOLCALL")}
"""The closing tag of each opening tag around a call."""
_PAIRS = {**MARKS, **_TAGS}
_MARK = re.compile("|".join(map(re.escape, (*_PAIRS, *CLOSING))))
_VALUE = re.compile(r"\s*[{\[(]")
_LEADING = re.compile(rf"\s*({'|'.join(map(re.escape, MARKS))})")


@dataclass(frozen=True, slots=True)
class TurnParts:
    """The parts of an assistant turn.

    Attributes:
        words: The text outside of thoughts and of tags.
        calls: The texts between tags, in order.
        said: The text outside of tags, with the thoughts.
    """

    words: str
    calls: tuple[str, ...]
    said: str


def turn_parts(text: str) -> TurnParts:
    """Return the parts of an assistant turn. The time is proportional to the length of the text."""
    words: list[str] = []
    said: list[str] = []
    calls: list[str] = []
    position = at = 0
    thought = False
    unclosed: set[str] = set()
    while (found := _MARK.search(text, at)) is not None:
        mark, start, at = found.group(), found.start(), found.end()
        if mark in CLOSING:
            if not thought:  # The prompt opened the thought, so everything before the mark is the thought.
                words, said, calls, position, thought = [], [text[:at]], [], at, True
            continue
        if mark in _TAGS and _VALUE.match(text, at) is None:
            continue
        end = -1 if mark in unclosed else text.find(_PAIRS[mark], at)
        if end < 0:
            unclosed.add(mark)
            continue
        words.append(text[position:start])
        said.append(text[position:start])
        position = end + len(_PAIRS[mark])
        if mark in _TAGS:
            calls.append(text[at:end].strip())
        else:
            thought = True
            said.append(text[start:position])
        at = position
    return TurnParts("".join([*words, text[position:]]), tuple(calls), "".join([*said, text[position:]]).strip())


def after_thoughts(text: str) -> str:
    """Return the text after the thoughts with which a turn begins. White-space at both ends is removed."""
    at = 0
    first = _MARK.search(text)
    if first is not None and first.group() in CLOSING:
        at = first.end()
    while (opening := _LEADING.match(text, at)) is not None:
        end = text.find(MARKS[opening[1]], opening.end())
        if end < 0:
            break
        at = end + len(MARKS[opening[1]])
    return text[at:].strip()
