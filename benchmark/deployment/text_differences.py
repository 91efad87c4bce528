"""Compares the rendered texts of two prompts, and classifies the differences.

Each step looks for one kind of difference and removes it from both texts, so that the next step does not see it: the
schemas of the tools, dates, white space. Then the words are compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from toolmark.benchmark.core.common_beginning import common_beginning
from toolmark.benchmark.data.cases import Tool
from toolmark.benchmark.deployment.prompt_classes import PromptClass, PromptDifference, first_of_each
from toolmark.benchmark.deployment.shown_tools import ShownTool, schema_difference, shown_tools

__all__ = ["compare_texts"]

_TOOL, _DATE = "\0tool\0", "\0date\0"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?"
_DATES = re.compile(
    rf"\d{{4}}-\d\d-\d\d|\d{{1,2}}/\d{{1,2}}/\d{{4}}|\d{{1,2}} {_MONTH} \d{{4}}|{_MONTH} \d{{1,2}},? \d{{4}}"
)
_WORDS = re.compile(r"\0(?:tool|date)\0|\w+|\{+|\}+|[^\w\s]")
_MOST_PAIRS = 1_000_000
"""If more pairs of words than this must be compared, only the first difference is classified. More would take minutes.
"""

_SHOWN = 60
_FEW_WORDS = 2
"""Before a turn's text, a template writes at most this number of words that are not special tokens: the role."""


def compare_texts(
    before: str, after: str, tools: Sequence[Tool], contents: Sequence[str], special: Sequence[str] = ()
) -> list[PromptDifference]:
    """Return the differences between two rendered prompts, each class at most once.

    Args:
        before: The text of the right prompt.
        after: The text of the other prompt.
        tools: The offered tools.
        contents: The texts of the conversation's turns.
        special: The special tokens, as text.
    """
    return [] if before == after else first_of_each(_text_differences(tools, contents, before, after, special))


def _text_differences(
    tools: Sequence[Tool], contents: Sequence[str], before: str, after: str, special: Sequence[str]
) -> Iterator[PromptDifference]:
    missing = [content for content in contents if content.strip() and content.strip() not in after]
    if (
        missing
        and len(after) < len(before)
        and (before.startswith(after) or before.endswith(after) or _one_cut(before, after))
    ):
        yield PromptDifference("truncated", before[:_SHOWN], after[:_SHOWN])
        return
    ours, theirs = shown_tools(before, tools), shown_tools(after, tools)
    yield from _tool_differences(tools, ours, theirs, before, after)
    before, after = _masked(before, ours), _masked(after, theirs)
    dates = _DATES.findall(before), _DATES.findall(after)
    if len(dates[0]) == len(dates[1]):
        differing = next(((one, other) for one, other in zip(*dates, strict=True) if one != other), None)
        if differing is not None:
            yield PromptDifference("date", *differing)
        before, after = _DATES.sub(_DATE, before), _DATES.sub(_DATE, after)
    if before == after:
        return
    if "".join(before.split()) == "".join(after.split()):
        at = common_beginning(before, after)
        yield PromptDifference("white_space", _place(before, at), _place(after, at))
        return
    unshown = {tool.name for tool in ours} - {tool.name for tool in theirs}
    yield from _word_differences(before, after, special, explained=bool(unshown))


def _tool_differences(
    tools: Sequence[Tool], ours: Sequence[ShownTool], theirs: Sequence[ShownTool], before: str, after: str
) -> Iterator[PromptDifference]:
    found = {tool.name: tool for tool in theirs}
    common = [tool.name for tool in ours if tool.name in found]
    order = [tool.name for tool in theirs if tool.name in set(common)]
    if common != order:
        yield PromptDifference("tool_order", ", ".join(common), ", ".join(order))
    for tool in ours:
        text = before[tool.start : tool.end]
        if tool.name not in found:
            described = next((one.description for one in tools if one.name == tool.name), "")
            named = (described or tool.name) in after
            at = max(0, after.find(described or tool.name) - _SHOWN // 2)
            shown = after[at : at + 2 * _SHOWN] if named else ""
            yield PromptDifference("schema_not_json" if named else "tool_missing", text[: 2 * _SHOWN], shown)
            continue
        other = found[tool.name]
        other_text = after[other.start : other.end]
        if text != other_text:
            at = common_beginning(text, other_text)
            kind = schema_difference(tool.value, other.value)
            yield PromptDifference(kind, _place(text, at), _place(other_text, at))


def _masked(text: str, tools: Sequence[ShownTool]) -> str:
    parts, at = [], 0
    for tool in tools:
        if tool.start >= at:
            parts += [text[at : tool.start], _TOOL]
            at = tool.end
    return "".join(parts) + text[at:]


def _single_braces(text: str) -> str:
    return re.sub(r"\{+", "{", re.sub(r"\}+", "}", text))


def _one_cut(before: str, after: str) -> bool:
    """Return whether `after` is `before` without one part in the middle."""
    begin = common_beginning(before, after)
    return before.endswith(after[begin:]) and begin > 0


def _place(text: str, at: int) -> str:
    return text[max(0, at - _SHOWN // 2) : at + _SHOWN // 2]


def _word_differences(
    before: str, after: str, special: Sequence[str], *, explained: bool
) -> Iterator[PromptDifference]:
    """Classify the differences of words, and of the white space between equal words.

    Args:
        before: The text of the training, with marks in place of tools and dates.
        after: The text of the runtime, in the same form.
        special: The special tokens as text.
        explained: Whether a tool that only the training shows as JSON is already reported. If so, the place of a tool
            is not reported again.
    """
    ours, theirs = list(_WORDS.finditer(before)), list(_WORDS.finditer(after))
    one, other = [word[0] for word in ours], [word[0] for word in theirs]
    for tag, a, b, c, d in _opcodes(one, other):
        if tag == "equal":
            spaces = ((_gap(before, ours, a + i), _gap(after, theirs, c + i), i) for i in range(1, b - a))
            differing = next((i for left, right, i in spaces if left != right), None)
            if differing is not None:
                places = ours[a + differing].start(), theirs[c + differing].start()
                yield PromptDifference("white_space", _place(before, places[0]), _place(after, places[1]))
            continue
        if explained and _TOOL in one[a:b]:
            continue
        start = ours[a].start() if a < len(ours) else len(before)
        added = after[theirs[c].start() : theirs[d - 1].end()] if d > c else ""
        removed = before[ours[a].start() : ours[b - 1].end()] if b > a else ""
        kind: PromptClass = "template_text"
        if removed and _single_braces(removed) == _single_braces(added):
            kind = "braces_doubled"
        elif tag == "insert" and d - c > 1 and _only_marks(before[:start], special):
            kind = "system_injected"
        yield PromptDifference(kind, removed[: 2 * _SHOWN] or _place(before, start), added[: 2 * _SHOWN])


def _opcodes(one: Sequence[str], other: Sequence[str]) -> Iterator[tuple[str, int, int, int, int]]:
    """Yield the parts in which two lists of words are equal or differ, in the form of `SequenceMatcher`."""
    begin = common_beginning(one, other)
    end = common_beginning(one[begin:][::-1], other[begin:][::-1])
    ours, theirs = one[begin : len(one) - end], other[begin : len(other) - end]
    yield "equal", 0, begin, 0, begin
    if len(ours) * len(theirs) > _MOST_PAIRS:
        yield "replace", begin, begin + len(ours), begin, begin + len(theirs)
    else:
        for tag, a, b, c, d in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
            yield tag, begin + a, begin + b, begin + c, begin + d
    yield "equal", len(one) - end, len(one), len(other) - end, len(other)


def _gap(text: str, words: Sequence[re.Match[str]], index: int) -> str:
    return text[words[index - 1].end() : words[index].start()]


def _only_marks(text: str, special: Sequence[str]) -> bool:
    """Return whether a text consists of special tokens and the name of a role."""
    for mark in special:
        text = text.replace(mark, " ")
    return len(_WORDS.findall(text)) <= _FEW_WORDS
