"""The dialect `mistral`: calls after the token `[TOOL_CALLS]`, in the two forms that Mistral's models write.

A strict reading accepts a completion of this form: any text, then calls, then only white-space. There are two forms of
calls:

- Models with tokenizers up to v7 write `[TOOL_CALLS][{"name": …, "arguments": {…}}, …]`. A call may also have the key
  `"id"`.
- Models with tokenizers from v11 on write `[TOOL_CALLS]name[ARGS]{…}` for each call. `[CALL_ID]id` may stand before
  `[ARGS]`.

A lenient reading also accepts:

- text after the last call
- code fences
- a single object without the list
- other common names for the keys `name` and `arguments`
- arguments as a JSON string
- a missing `[ARGS]`

The forms are defined in https://github.com/mistralai/mistral-common (`InstructTokenizerV3`, `V11`, `V13`). In prompts,
calls and tools are written in the older form, because more small models know this form. These calls have no ids.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from toolmark.benchmark.data.cases import Call, Message, Tool
from toolmark.benchmark.data.completions import Completion, ParsedCompletion, Prompt
from toolmark.benchmark.dialects import BaseDialect, json_in_text
from toolmark.benchmark.dialects.json_calls import strict_call
from toolmark.benchmark.dialects.marked_calls import Markers, json_value
from toolmark.benchmark.dialects.parsing import parse_pieces
from toolmark.benchmark.dialects.plain_turns import content_and_calls, plain_turns

__all__ = ["Mistral"]

_NAMED = re.compile(r"\s{0,8}([^\s\[\]{}\"`]{1,128})(?:\[CALL_ID\]\w{0,64})?(\[ARGS\])?\s{0,8}(?=\{)")
"""Pattern of the name before the arguments, in the newer form."""


def _value(text: str, start: int, strict: bool) -> tuple[Any, int]:
    """Decode the list of calls of the older form, or one call of the newer form.

    Returns:
        The calls as a list of the older form, and the index after the calls.
    """
    named = _NAMED.match(text, start)
    if named is None:
        return json_value(text, start, strict)
    if strict and not named.group(2):
        raise ValueError("[ARGS] is missing")
    arguments, end = json_value(text, named.end(), strict)
    return [{"name": named.group(1), "arguments": arguments}], end


def _strict_calls(value: Any) -> Sequence[Call]:
    if not isinstance(value, list) or not value:
        raise ValueError("there is no list of calls after [TOOL_CALLS]")
    return [strict_call(item, "name", "arguments", also=("id",)) for item in value]


_MARKERS = Markers("[TOOL_CALLS]", "", _value, _strict_calls)


def _write_assistant(message: Message) -> str:
    if not message.tool_calls:
        return message.content
    calls = [{"name": call.name, "arguments": dict(call.arguments)} for call in message.tool_calls]
    return content_and_calls(message.content, f"{_MARKERS.opening} {json_in_text.dumps(calls)}")


def _write_result(message: Message) -> str:
    return f"[TOOL_RESULTS] {json.dumps({'content': message.content}, ensure_ascii=False)}[/TOOL_RESULTS]"


class Mistral(BaseDialect):
    """The dialect of Mistral: `[TOOL_CALLS] [{"name": …, "arguments": …}]`."""

    name = "mistral"
    version = "2"

    def render(self, messages: Sequence[Message], tools: Sequence[Tool]) -> Prompt:
        """Return plain turns. The tools are after `[AVAILABLE_TOOLS]`, at the end of the system turn."""
        listed = json.dumps([tool.as_openai() for tool in tools], ensure_ascii=False)
        instructions = f"[AVAILABLE_TOOLS] {listed}[/AVAILABLE_TOOLS]" if tools else ""
        return plain_turns(messages, instructions, _write_assistant, _write_result)

    def parse(self, completion: Completion, *, strict: bool) -> ParsedCompletion:
        """Read the calls of a completion. No text of a model causes an exception."""
        return parse_pieces(completion, _MARKERS.pieces, strict=strict, result="[TOOL_RESULTS]")
