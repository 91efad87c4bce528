"""Finds calls that are written in the text of an assistant turn.

In many files, a call is not in a field of its own. The call is part of the text, written in a dialect. If such a turn
counted as an answer in words, its case would say that no call is right. So the calls of a text are read, or the row is
bad.

Calls in these forms are read:

- JSON or a Python literal between `<tool_call>` or `<TOOLCALL>` tags. There can be text outside of the tags.
- a text that is only JSON with a name and arguments, with or without a code fence
- a text that is only calls in Python's notation: `[f(a='b')]`, or `f(a='b')` without brackets if the tool is offered

Any other sign of a call is an error. There are three signs: the marker of a dialect, the name of an offered tool as it
stands in a call, and a text that the judge counts as an attempt to call (`toolmark.benchmark.dialects.parsing`).

A call in a thought is only a draft. So calls and signs are not searched in thoughts, and thoughts stay in the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from toolmark.benchmark.core.strict_json import json_or_literal, strict_json
from toolmark.benchmark.data.cases import Call
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.dialects.parsing import Grammar
from toolmark.benchmark.readers.expected_calls import calls_of
from toolmark.benchmark.readers.python_calls import python_calls
from toolmark.benchmark.readers.turn_parts import after_thoughts, turn_parts

__all__ = ["text_and_calls"]

_MARKER = re.compile(
    r"</?\|?(?:tool_?calls?|function_?calls?|start_function_call|invoke|python_tag)\b"
    r"|<function=|\[TOOL_CALLS\]|<[|｜]tool▁|to=functions\.|```tool_(?:call|code)",
    re.IGNORECASE,
)
_FENCE = re.compile(r"^```\w*\n(.*)\n```$", re.DOTALL)
_PYTHON_LIST = re.compile(
    r"\[\s*[A-Za-z_][\w. -]*\(\s*(?:\w+\s*=|\)).*\]|\[\s*[A-Za-z_][\w. -]*\(\s*\)\s*\]", re.DOTALL
)
_FOREIGN = Grammar({}, ())
"""Reads no call. So every call that it recognises is an attempt."""
_NAME_KEYS = frozenset({"name", "function", "tool", "tool_name"})
_ARGUMENT_KEYS = frozenset({"arguments", "parameters", "args"})


def text_and_calls(text: str, offered: Sequence[str]) -> tuple[str, tuple[Call, ...]]:
    """Separate the calls in the text of an assistant turn from the other text.

    Args:
        text: The text.
        offered: Names of the offered tools.

    Returns:
        The text without calls, and the calls. If there is no call, the text is unchanged.

    Raises:
        ValueError: The text contains a call that cannot be read.
    """
    # A text that is only calls is read first, because a string in a call can contain the mark of a thought.
    for bare in dict.fromkeys((text.strip(), after_thoughts(text))):
        if calls := _only_calls(_unfenced(bare), offered):
            return text[: text.rindex(bare)].strip(), calls
    parts = turn_parts(text)
    calls = tuple(call for body in parts.calls for call in calls_of(json_or_literal(body)))
    if sign := _sign(parts.words, offered):
        raise ValueError(f"the text of a turn contains a call that cannot be read: {sign!r:.80}")
    return parts.said if calls else text, calls


def _unfenced(text: str) -> str:
    """Return the text without a code fence around it."""
    fenced = _FENCE.match(text)
    return fenced[1].strip() if fenced else text


def _only_calls(text: str, offered: Sequence[str]) -> tuple[Call, ...]:
    """Return the calls of a text that consists only of calls. Return () if the text contains anything else."""
    if text.startswith(("{", "[{")):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return ()
        listed = value if isinstance(value, list) else [value]
        return calls_of(strict_json(text)) if listed and all(map(_is_call, listed)) else ()
    name = text.partition("(")[0].strip()
    if _PYTHON_LIST.fullmatch(text) or (name in offered and text.endswith(")")):
        return python_calls(text)
    return ()


def _is_call(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    if isinstance(value.get("function"), dict):
        return _is_call(value["function"])
    return bool(_NAME_KEYS & value.keys()) and bool(_ARGUMENT_KEYS & value.keys())


def _sign(text: str, offered: Sequence[str]) -> str | None:
    """Return the part of a text that looks like a call, or None."""
    if found := _MARKER.search(text):
        return text[found.start() :]
    for name in offered:
        if name not in text:
            continue
        written = re.escape(name)
        call = rf"\"(?:name|function|tool|tool_name)\"\s*:\s*\"{written}\"|\b{written}\(\s*\w+\s*="
        if found := re.search(call, text):
            return text[found.start() :]
    reading = _FOREIGN.parse(Completion(text=text), strict=False)
    attempts = (attempt.reason for attempt in reading.failed if attempt.certain or attempt.name in offered)
    return reading.error or next(attempts, None)
