"""The dialect `harmony`: the messages of gpt-oss, in which a call is a message to a tool.

A completion consists of messages. The header of a message names a channel and perhaps a recipient, and ends with
`<|message|>`:

- The channel `analysis` without a recipient contains thoughts.
- The channels `commentary` and `final` without a recipient contain words for the user.
- A message to `functions.NAME` is a call. Its content is the arguments as JSON. The recipient stands before or after
  the channel.

A strict reading accepts any messages, then one or more calls, and nothing after them. A lenient reading also accepts
words after a call. The first message needs no `<|start|>assistant`, because the prompt contains it.

Tools are shown as a namespace of TypeScript types, as in https://github.com/openai/harmony (docs/format.md).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from toolmark.benchmark.data.cases import Call, Message, Tool
from toolmark.benchmark.dialects import json_in_text
from toolmark.benchmark.dialects.attempts import Attempt, Fault, Leniency, Work
from toolmark.benchmark.dialects.parsing import Grammar, Rules
from toolmark.benchmark.dialects.scanner import Reader
from toolmark.benchmark.dialects.text_dialect import TextDialect

__all__ = ["ANSWERS", "CALL", "READERS", "RECIPIENT", "Harmony"]

_START, _CHANNEL = "<|start|>assistant", "<|channel|>"
_MESSAGE, _END, _CALL = "<|message|>", "<|end|>", "<|call|>"
_ENDS = (_END, _CALL, "<|return|>")

RECIPIENT = " to=functions."
"""The beginning of the recipient of a call. The name of the tool follows. The models write the recipient after the name
of the channel, or before the channel."""

CALL = f"{_CHANNEL}commentary{RECIPIENT}"
"""The text with which this dialect begins every call."""

ANSWERS = (f"{_CHANNEL}final", f"{_CHANNEL}commentary{_MESSAGE}")
"""The texts with which the models begin a message for the user: an answer, or words before a call."""

_HEADER = re.compile(
    r"(?:<\|start\|>assistant)?(?: to=(?P<before>[^\s<]{1,160}))?"
    r"(?:<\|channel\|>(?P<channel>\w{1,32})(?: to=(?P<after>[^\s<]{1,160}))?)?"
    r"\s{0,4}(?:<\|constrain\|>)?\w{0,16}\s{0,4}<\|message\|>"
)
_TO_TOOL = re.compile(
    r"(?:<\|start\|>assistant)?(?:<\|channel\|>\w{1,32})? to=(?!assistant)(?:functions\.)?([^\s<]{1,128})"
)
_NEXT = re.compile(r"<\|(?:end|call|return)\|>|(?=<\|start\|>)")


def _read(text: str, start: int, work: Work) -> tuple[Attempt | None, int]:
    """Read the header of the message at `start`. If the message contains thoughts or a call, read them too."""
    header = _HEADER.match(text, start)
    if header is None:
        addressed = _TO_TOOL.match(text, start)
        if addressed is None:
            return Attempt(silent=True), start + len(_CHANNEL)
        return Attempt(error="the header of a call has no <|message|>", name=addressed[1]), _end(text, start + 1)
    recipient = header["before"] or header["after"] or ""
    if recipient.startswith("functions."):
        return _call(text, header.end(), recipient.removeprefix("functions."), work)
    if recipient and recipient != "assistant":
        error = f"the message is for {recipient[:64]}, but only a message to functions.NAME is a call"
        return Attempt(error=error, name=recipient), _end(text, header.end())
    if header["channel"] == "analysis":
        end = text.find(_END, header.end())
        return Attempt(silent=True), len(text) if end < 0 else end + len(_END)
    return Attempt(silent=True), header.end()


def _end(text: str, begin: int) -> int:
    """Return the index after the message that contains `begin`."""
    found = _NEXT.search(text, begin)
    return len(text) if found is None else found.end()


def _call(text: str, begin: int, name: str, work: Work) -> tuple[Attempt, int]:
    faults: list[Fault] = []
    try:
        arguments, end, fault = json_in_text.decode_value(text, begin)
    except ValueError as error:
        json_in_text.wasted(error, text, begin, work)
        return Attempt(error=str(error), name=name), _end(text, begin)
    if not isinstance(arguments, dict):
        return Attempt(error="the arguments are not a JSON object", name=name), _end(text, end)
    if fault is not None:
        faults.append((Leniency.VALUE, fault))
    rest = _end(text, end)
    between = text[end:rest]
    for mark in _ENDS:
        between = between.removesuffix(mark)
    if between.strip():
        faults.append((Leniency.TEXT_INSIDE, "there is other text after the arguments"))
    return Attempt([Call(name=name, arguments=arguments)], faults), rest


def _skip(mark: str) -> Reader:
    def read(_: str, start: int, __: Work) -> tuple[Attempt | None, int]:
        return Attempt(silent=True), start + len(mark)

    return read


def _no_call(_: str, start: int, __: Work) -> tuple[Attempt | None, int]:
    """Read the mark `<|call|>` at the end of a message that is not read as a call."""
    return Attempt(error=f"a message ends with {_CALL}, but its header names no tool", cut=False), start + len(_CALL)


READERS: Mapping[str, Reader] = {
    **dict.fromkeys((_START, _CHANNEL, RECIPIENT), _read),
    **{mark: _skip(mark) for mark in _ENDS},
    _CALL: _no_call,
}
"""The reader of each mark of a message."""
_GRAMMAR = Grammar(READERS, ("harmony",), Rules(re.compile(r"<\|start\|>functions\.")))


def _comment(schema: Mapping[str, Any]) -> str:
    lines = str(schema.get("description", "")).splitlines()
    return "".join(f"// {line}\n" for line in lines)


def _type(schema: Any) -> str:
    """Return the TypeScript type of a JSON schema. The type is `any` if TypeScript has no short type for the schema."""
    if not isinstance(schema, Mapping):
        return "any"
    if isinstance(schema.get("enum"), list):
        return " | ".join(json.dumps(value, ensure_ascii=False) for value in schema["enum"])
    options = schema.get("anyOf") or schema.get("oneOf")
    if isinstance(options, list):
        return " | ".join(map(_type, options))
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(_type({**schema, "type": one}) for one in kind)
    match kind:
        case "string" | "boolean" | "null":
            return str(kind)
        case "integer" | "number":
            return "number"
        case "array":
            return f"{_type(schema.get('items'))}[]"
        case "object":
            return _object(schema)
    return "any"


def _object(schema: Mapping[str, Any]) -> str:
    required = schema.get("required", [])
    fields = []
    for name, inner in schema.get("properties", {}).items():
        known = inner if isinstance(inner, Mapping) else {}
        default = f" // default: {json.dumps(known['default'], ensure_ascii=False)}" if "default" in known else ""
        optional = "" if name in required else "?"
        fields.append(f"{_comment(known)}{name}{optional}: {_type(inner)},{default}")
    return "{\n" + "\n".join(fields) + "\n}"


def _declaration(tool: Tool) -> str:
    comment = _comment({"description": tool.description})
    arguments = f"(_: {_object(tool.parameters)})" if tool.parameters.get("properties") else "()"
    return f"{comment}type {tool.name} = {arguments} => any;"


def _write_call(call: Call) -> str:
    header = f"{CALL}{call.name} <|constrain|>json{_MESSAGE}"
    return f"{header}{json_in_text.dumps(dict(call.arguments))}{_CALL}"


class Harmony(TextDialect):
    """The dialect of gpt-oss: `<|channel|>commentary to=functions.f <|constrain|>json<|message|>{…}<|call|>`."""

    name = "harmony"
    version = "1"
    grammar = _GRAMMAR

    def instructions(self, tools: Sequence[Tool]) -> str:
        """Return the tools as TypeScript types."""
        listed = "\n\n".join(map(_declaration, tools))
        return f"# Tools\n\n## functions\n\nnamespace functions {{\n\n{listed}\n\n}} // namespace functions"

    def write_calls(self, calls: Sequence[Call]) -> str:
        """Return each call as a message of the channel `commentary`."""
        return _START.join(map(_write_call, calls))

    def write_reply(self, message: Message) -> str:
        """Return the content as a message of its own if calls follow it."""
        if not message.tool_calls or not message.content:
            return super().write_reply(message)
        words = f"{_CHANNEL}commentary{_MESSAGE}{message.content}{_END}"
        return f"{words}{_START}{self.write_calls(message.tool_calls)}"

    def write_result(self, message: Message) -> str:
        """Return the result as a message of the tool."""
        header = f"<|start|>functions.{message.name or 'unknown'} to=assistant{_CHANNEL}commentary{_MESSAGE}"
        return f"{header}{message.content}{_END}"
