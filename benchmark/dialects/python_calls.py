"""Reads calls that are written as Python calls, for example `[f(a=1), g()]`. Several dialects use these functions.

The functions append the mistakes that a lenient reading forgives to a list. A strict reading refuses calls with such a
mistake.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import Call
from toolmark.benchmark.data.completions import UntypedCall
from toolmark.benchmark.dialects import json_in_text
from toolmark.benchmark.dialects.attempts import Fault, Leniency, Work
from toolmark.benchmark.dialects.literals import PYTHON, Unreadable, expect, skip

__all__ = ["HEAD", "NO_TOOLS", "call_list", "sequence", "whole_sequence", "write_list"]

_NAME = re.compile(r"[\w.-]{1,128}")
_ARGUMENT = re.compile(r"[^\W\d][\w.-]{0,127}")
HEAD = re.compile(r"([\w.-]{1,128}+)\s*+\(\s*+")
"""Pattern of the beginning of a call."""
# Each of the next three patterns does several steps of the parser at once, to save time. If a pattern does not match,
# the parser does the steps one by one to find the reason.
_KEYED = re.compile(r"([^\W\d][\w.-]{0,127}+)\s*+=(?!=)\s*+")
_NEXT = re.compile(r"\s*+(?:,\s*+|(?=\)))")
_NEXT_CALL = re.compile(r"\s*+(?:,\s*+|(?=\]))")
_API = "default_api."
NO_TOOLS = frozenset({"print"})
"""Functions of Python that are no tools. Code that only prints a text is an answer."""
_MOST_CALLS = 4_096
"""Largest number of calls in a list. A list in a hostile text can have many more."""

_LITERALS = replace(PYTHON, words={**PYTHON.words, **PYTHON.other_words}, other_words={})
"""Python's literals, and the words of JSON."""

ReadCall = Call | UntypedCall


def _call(text: str, at: int, faults: list[Fault]) -> tuple[ReadCall, int]:
    """Return the call that begins at `at`, and the index after the call.

    Raises:
        ValueError: No call can be read at `at`.
    """
    if (head := HEAD.match(text, at)) is None:
        if (named := _NAME.match(text, at)) is None:
            raise Unreadable("a call has no name", at)
        raise Unreadable("'(' is missing", skip(text, named.end()))
    name, at = head[1], head.end()
    arguments: dict[str, Any] = {}
    positional: list[Any] = []
    mistakes: list[str] = []
    while not text.startswith(")", at):
        if (key := _KEYED.match(text, at)) is not None:
            value, at = _LITERALS.value(text, key.end(), mistakes)
            added = {key[1]: value}
        elif text.startswith("**", at):
            added, at = _LITERALS.mapping(text, at + 2, mistakes)
        elif arguments:
            raise Unreadable("an argument has no name", at)
        else:
            value, at = _LITERALS.value(text, at, mistakes)
            positional.append(value)
            added = {}
        if not arguments.keys().isdisjoint(added):
            mistakes.append("an argument is given twice")
        arguments |= added
        if (following := _NEXT.match(text, at)) is None:
            raise Unreadable("',' is missing", skip(text, at))
        at = following.end()
    if mistakes:
        faults.append((Leniency.VALUE, mistakes[0]))
    _check(arguments, faults)
    if name.startswith(_API):
        faults.append((Leniency.WRAPPED, f"the name begins with {_API}"))
        name = name.removeprefix(_API)
    if positional:
        _check({"": positional}, faults)
        faults.append((Leniency.POSITIONAL, "an argument has no name"))
        return UntypedCall(name, arguments, positional=tuple(positional)), at + 1
    return Call(name=name, arguments=arguments), at + 1


def _check(arguments: Mapping[str, Any], faults: list[Fault]) -> None:
    try:
        json_in_text.check(arguments, strict=True)
    except ValueError as error:
        json_in_text.check(arguments, strict=False)
        faults.append((Leniency.VALUE, str(error)))


def _printed(text: str, at: int, faults: list[Fault]) -> tuple[ReadCall, int]:
    """Return the call that begins at `at`, and the index after the call. The call can be inside `print(…)`."""
    if not text.startswith("print(", at):
        return _call(text, at, faults)
    inside = skip(text, at + len("print("))
    if HEAD.match(text, inside) is None:
        return _call(text, at, faults)
    faults.append((Leniency.WRAPPED, "the call is inside print(…)"))
    call, at = _call(text, inside, faults)
    return call, expect(text, at, ")")


def call_list(text: str, at: int, faults: list[Fault]) -> tuple[list[ReadCall], int]:
    """Return the list of calls whose opening bracket is at `at`, and the index after the list.

    If the closing bracket is missing at the end of the text, this mistake is added to `faults`.

    Raises:
        ValueError: The list is empty, or contains other things than calls.
    """
    calls: list[ReadCall] = []
    at = skip(text, expect(text, at, "["))
    while not text.startswith("]", at):
        if calls and at == len(text):
            faults.append((Leniency.NOT_CLOSED, "']' is missing at the end"))
            return calls, at
        call, at = _printed(text, at, faults)
        calls.append(call)
        if len(calls) > _MOST_CALLS:
            raise Unreadable(f"there are more than {_MOST_CALLS} calls", at)
        if (following := _NEXT_CALL.match(text, at)) is not None:
            at = following.end()
        elif (at := skip(text, at)) < len(text):
            raise Unreadable("',' is missing", at)
    if not calls:
        raise Unreadable("a list contains no call", at)
    return calls, at + 1


@lru_cache
def _separator(stop: str) -> re.Pattern[str]:
    """Return the pattern of the text between two calls before `stop`. The first group is a comma, or empty."""
    blank = rf"(?:(?!{re.escape(stop)})[\s;`])*+"
    return re.compile(f"{blank}(,?){blank}")


def sequence(text: str, at: int, stop: str, faults: list[Fault]) -> tuple[list[ReadCall], int]:
    """Return the calls from `at` to `stop` or to the end of the text. Also return the index after the calls.

    Each call stands on its own line, in a list, or is separated from the next call by a comma.

    Raises:
        ValueError: There is no call, or there is other text.
    """
    calls: list[ReadCall] = []
    at = skip(text, at)
    while at < len(text) and not text.startswith(stop, at):
        if text.startswith("[", at):
            listed, at = call_list(text, at, faults)
            calls += listed
        else:
            call, at = _printed(text, at, faults)
            calls.append(call)
        if len(calls) > _MOST_CALLS:
            raise Unreadable(f"there are more than {_MOST_CALLS} calls", at)
        separator = _separator(stop).match(text, at)
        if separator is not None and separator[1]:
            faults.append((Leniency.NO_LIST, "there are commas between the calls, but no list"))
        following = at if separator is None else separator.end()
        if following == at < len(text) and not text.startswith(stop, at):
            raise Unreadable("there is text after a call", at)
        at = following
    if not calls:
        raise Unreadable("there is no call", at)
    return calls, at


def whole_sequence(text: str, work: Work) -> list[ReadCall]:
    """Return the calls of a text that consists of Python calls only. Otherwise, return an empty list."""
    start = 0
    while text.startswith(("[", "`"), start) and start < 2:
        start += 1
    if HEAD.match(text, skip(text, start)) is None:
        return []
    try:
        return sequence(text.strip("`"), 0, "\0", [])[0]
    except ValueError as error:
        work.spend(20 * (error.at if isinstance(error, Unreadable) else len(text)))
        return []


def _write_value(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return str(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json_in_text.dumps(key)}: {_write_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_write_value, value)) + "]"
    return json_in_text.dumps(value)


def _write_call(call: Call, dialect: str) -> str:
    if not _NAME.fullmatch(call.name):
        raise InputError(
            f"the dialect {dialect} cannot write a call of the tool {call.name!r}",
            "Choose another dialect, for example --dialect tagged",
        )
    named = {key: value for key, value in call.arguments.items() if _ARGUMENT.fullmatch(key)}
    others = {key: value for key, value in call.arguments.items() if key not in named}
    written = [f"{key}={_write_value(value)}" for key, value in named.items()]
    return f"{call.name}({', '.join([*written, *(['**' + _write_value(others)] if others else [])])})"


def write_list(calls: Sequence[Call], dialect: str) -> str:
    """Return calls as a list of Python calls. An argument whose name is not an identifier is written as `**{…}`.

    Raises:
        InputError: The name of a tool cannot be written as a call.
    """
    return f"[{', '.join(_write_call(call, dialect) for call in calls)}]"
