"""The dialect `pythonic`: calls are a list of Python calls, for example `[f(a=1), g()]`.

Gemma's documentation and BFCL describe this form. A strict reading accepts a completion of this form: any text, then
one or more lists of calls, then only white-space.

- A list may be in a fence ```` ```tool_code ````, because Gemma marks calls with this fence. In the fence, the calls
  may also stand on separate lines, without a list.
- Values are strings, numbers, lists, tuples, dicts with string keys, `True`, `False` and `None`. A tuple is read as a
  list. JSON's `true`, `false` and `null` are also accepted.
- Every argument must have a name, because the dialect does not know the order of the parameters.
- Arguments whose names are not Python identifiers are written as `**{…}`.

A lenient reading also accepts:

- text after the calls
- other code fences
- a fence that is not closed
- `print(…)` around a call
- the prefix `default_api.`
- calls without a list, if a fence or the text contains only calls

The instructions are taken from https://ai.google.dev/gemma/docs/capabilities/function-calling. One sentence is taken
from BFCL's `DEFAULT_SYSTEM_PROMPT`: it says what to do if no function fits.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import Call, Message, Tool
from toolmark.benchmark.data.completions import Completion, ParsedCompletion, Prompt
from toolmark.benchmark.dialects import BaseDialect, json_in_text
from toolmark.benchmark.dialects.literals import Notation, Unreadable, expect, skip
from toolmark.benchmark.dialects.parsing import Attempt, Piece, parse_pieces
from toolmark.benchmark.dialects.plain_turns import content_and_calls, plain_turns
from toolmark.benchmark.dialects.unmarked_calls import Span, cut, write_result

__all__ = ["LITERALS", "Pythonic"]

_INSTRUCTIONS = """\
You have access to functions. If you decide to invoke any of the function(s), you MUST put it in the format of
[func_name1(params_name1=params_value1, params_name2=params_value2...), func_name2(params)]

You SHOULD NOT include any other text in the response if you call a function.
If none of the functions can be used, point it out. If the given question lacks the parameters required by the \
function, also point it out.
{tools}"""

_NAME = re.compile(r"[\w.-]{1,128}")
_ARGUMENT = re.compile(r"[^\W\d][\w.-]{0,127}")
_CANDIDATE = re.compile(r"```([\w-]*)|\[(?=\s{0,64}[\w.-]{1,128}\s{0,8}\()")
_BETWEEN = re.compile(r"[\s;]*")
# Each of the next four patterns does several steps of the parser at once, to save time. If a pattern does not match,
# the parser does the steps one by one to find the reason.
_HEAD = re.compile(r"([\w.-]{1,128}+)\s*+\(\s*+")
_KEYED = re.compile(r"([^\W\d][\w.-]{0,127}+)\s*+=\s*+")
_NEXT = re.compile(r"\s*+(?:,\s*+|(?=\)))")
_NEXT_CALL = re.compile(r"\s*+(?:,\s*+|(?=\]))")
_PLAIN = re.compile(r""""([^"\\\n]*+)"(?!")|'([^'\\\n]*+)'(?!')""")
_STRING = {
    mark: re.compile(rf"{mark}([^{mark[0]}\\]*(?:(?:\\.|{inner})[^{mark[0]}\\]*)*){mark}", re.DOTALL)
    for mark, inner in (
        ('"""', '"(?!"")'),
        ("'''", "'(?!'')"),
        ('"', r"(?!)"),
        ("'", r"(?!)"),
    )
}
_ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{1,3})|([\\'\"abfnrtv\n]))", re.DOTALL
)
_SHORT = dict(zip("\\'\"abfnrtv\n", "\\'\"\a\b\f\n\r\t\v", strict=False)) | {"\n": ""}
_API = "default_api."


def _unescaped(match: re.Match[str]) -> str:
    two, four, eight, octal, short = match.groups()
    if short is not None:
        return _SHORT[short]
    if octal is not None:
        return chr(int(octal, 8))
    code = int(two or four or eight, 16)
    if code > 0x10FFFF:
        raise Unreadable("a string has an escape of a character that Unicode does not have", match.start())
    return chr(code)


def _string(text: str, at: int, strict: bool) -> tuple[str, int] | None:
    mark = text[at : at + 1]
    if mark not in ("'", '"'):
        return None
    if (plain := _PLAIN.match(text, at)) is not None:
        return plain[plain.lastindex or 0], plain.end()
    if text.startswith(mark * 3, at):
        mark *= 3
    string = _STRING[mark].match(text, at)
    if string is None:
        raise Unreadable("a string does not end", len(text))
    inside = string.group(1)
    if strict and len(mark) == 1 and "\n" in inside.replace("\\\n", ""):
        raise Unreadable("a string has a line break", string.end())
    return _ESCAPE.sub(_unescaped, inside) if "\\" in inside else inside, string.end()


LITERALS = Notation(
    string=_string,
    words={"True": True, "False": False, "None": None, "true": True, "false": False, "null": None},
    brackets={"[": "]", "(": ")"},
    trailing_comma=True,
)


def _call(text: str, at: int, strict: bool) -> tuple[Call, int]:
    """Return the call that begins at `at`, and the index after the call.

    Raises:
        ValueError: No call can be read at `at`.
    """
    if (head := _HEAD.match(text, at)) is None:
        if (named := _NAME.match(text, at)) is None:
            raise Unreadable("a call has no name", at)
        raise Unreadable("'(' is missing", skip(text, named.end()))
    name, at = head[1], head.end()
    arguments: dict[str, Any] = {}
    while not text.startswith(")", at):
        if (key := _KEYED.match(text, at)) is not None:
            value, at = LITERALS.value(text, key.end(), strict)
            added = {key[1]: value}
        elif text.startswith("**", at):
            added, at = LITERALS.mapping(text, at + 2, strict)
        else:
            raise Unreadable("an argument has no name", at)
        if strict and not arguments.keys().isdisjoint(added):
            raise Unreadable("an argument is given twice", at)
        arguments |= added
        if (following := _NEXT.match(text, at)) is None:
            raise Unreadable("',' is missing", skip(text, at))
        at = following.end()
    json_in_text.check(arguments, strict=strict)
    if strict and name.startswith(_API):
        raise Unreadable(f"the name begins with {_API}", at)
    return Call(name=name.removeprefix(_API), arguments=arguments), at + 1


def _printed(text: str, at: int, strict: bool) -> tuple[Call, int]:
    """Return the call that begins at `at`, and the index after the call.

    In a lenient reading, the call may be inside `print(…)`.
    """
    if strict or not text.startswith("print(", at):
        return _call(text, at, strict)
    call, at = _call(text, skip(text, at + len("print(")), strict)
    return call, expect(text, at, ")")


def _list(text: str, at: int, strict: bool) -> tuple[list[Call], int]:
    """Return the list of calls whose opening bracket is at `at`, and the index after the list.

    Raises:
        ValueError: The list is empty, or contains anything else than calls.
    """
    calls: list[Call] = []
    at = skip(text, expect(text, at, "["))
    while not text.startswith("]", at):
        call, at = _printed(text, at, strict)
        calls.append(call)
        if (following := _NEXT_CALL.match(text, at)) is None:
            raise Unreadable("',' is missing", skip(text, at))
        at = following.end()
    if not calls:
        raise Unreadable("a list contains no call", at)
    return calls, at + 1


def _block(text: str, at: int, strict: bool) -> tuple[list[Call], int]:
    """Return the calls from `at` to the end of the code fence or of the text, and the index of this end.

    Raises:
        ValueError: There is no call, or there is other text.
    """
    calls: list[Call] = []
    at = skip(text, at)
    while at < len(text) and not text.startswith("```", at):
        if text.startswith("[", at):
            listed, at = _list(text, at, strict)
            calls += listed
        else:
            call, at = _printed(text, at, strict)
            calls.append(call)
        between = _BETWEEN.match(text, at)
        if between is None or (between.end() == at < len(text) and not text.startswith("```", at)):
            raise Unreadable("there is text after a call", at)
        at = between.end()
    if not calls:
        raise Unreadable("the fence contains no call", at)
    return calls, at


def _attempt(
    read_calls: Callable[[str, int, bool], tuple[list[Call], int]], text: str, at: int, strict: bool
) -> tuple[Attempt, int]:
    """Return the attempt to call that begins at `at`, and the index after the attempt.

    If only a lenient reading accepts the text, a strict reading returns an attempt with an error. Otherwise the text
    would count as text of an answer.

    Raises:
        ValueError: Even a lenient reading finds no call.
    """
    reason = None
    if strict:
        try:
            calls, end = read_calls(text, at, True)
            return Attempt(calls), end
        except ValueError as error:
            reason = str(error)
    calls, end = read_calls(text, at, False)
    return Attempt([] if strict else calls, reason), end


def _spans(text: str, strict: bool) -> Iterator[Span]:
    """Find the attempts to call: lists of calls, and code fences that contain only calls.

    If the whole text consists of calls, the text is one attempt.
    """
    try:
        start = skip(text, 0)
        calls, end = _block(text, start, False) if _HEAD.match(text, start) else ([], -1)
        if end == len(text):
            yield start, end, Attempt([] if strict else calls, "the call is not in a list" if strict else None)
            return
    except ValueError:
        pass
    position = waste = 0
    inside = False  # Whether the position is inside a fence that also contains other text than calls.
    while waste < json_in_text.MAX_WASTE and (match := _CANDIDATE.search(text, position)):
        fence = match.group(1)
        if inside and fence is not None:
            inside, position = False, match.end()
            continue
        at, read_calls = (match.start(), _list) if fence is None else (match.end(), _block)
        try:
            attempt, end = _attempt(read_calls, text, at, strict)
        except ValueError as error:
            waste += (error.at if isinstance(error, Unreadable) else len(text)) - at + 16
            inside, position = inside or fence is not None, match.end()
            continue
        if fence is not None:
            closed = text.startswith("```", end)
            if strict and (fence != "tool_code" or not closed):
                attempt = Attempt(error="the call is in a code fence" if closed else "the fence is not closed")
            end += 3 * closed
        yield match.start(), end, attempt
        position = end


def _pieces(text: str, strict: bool) -> Iterable[Piece]:
    return cut(text, _spans(text, strict))


def _write_value(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return str(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json_in_text.dumps(key)}: {_write_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_write_value, value)) + "]"
    return json_in_text.dumps(value)


def _write_call(call: Call) -> str:
    if not _NAME.fullmatch(call.name):
        raise InputError(
            f"the dialect pythonic cannot write a call of the tool {call.name!r}",
            "Choose another dialect, for example --dialect tagged",
        )
    named = {key: value for key, value in call.arguments.items() if _ARGUMENT.fullmatch(key)}
    others = {key: value for key, value in call.arguments.items() if key not in named}
    written = [f"{key}={_write_value(value)}" for key, value in named.items()]
    return f"{call.name}({', '.join([*written, *(['**' + _write_value(others)] if others else [])])})"


def _write_assistant(message: Message) -> str:
    calls = f"[{', '.join(map(_write_call, message.tool_calls))}]" if message.tool_calls else ""
    return content_and_calls(message.content, calls)


class Pythonic(BaseDialect):
    """The dialect of Gemma 3's documentation: `[f(a=1), g()]`."""

    name = "pythonic"
    version = "1"

    def render(self, messages: Sequence[Message], tools: Sequence[Tool]) -> Prompt:
        """Return plain turns. The tools are a JSON list at the end of the system turn, with one tool on each line."""
        listed = ",\n".join(json.dumps(tool.shown(), ensure_ascii=False) for tool in tools)
        instructions = _INSTRUCTIONS.format(tools=f"[{listed}]") if tools else ""
        return plain_turns(messages, instructions, _write_assistant, write_result)

    def parse(self, completion: Completion, *, strict: bool) -> ParsedCompletion:
        """Read the calls of a completion. No text of a model causes an exception."""
        return parse_pieces(completion, _pieces, strict=strict)
