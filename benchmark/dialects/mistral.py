"""The dialect `mistral`: calls after the token `[TOOL_CALLS]`, in the two forms that Mistral's models write.

A strict reading accepts a completion of this form: any text, then calls, then only white-space. There are two forms of
calls:

- Models with tokenizers up to v7 write `[TOOL_CALLS][{"name": …, "arguments": {…}}, …]`. A call can also have the key
  `"id"`.
- Models with tokenizers from v11 on write `[TOOL_CALLS]name[ARGS]{…}` for each call. `[CALL_ID]id` can stand before
  `[ARGS]`.

A lenient reading also accepts:

- text after the last call
- code fences
- a single object without the list
- other common names for the keys `name` and `arguments`
- arguments as a JSON string
- a missing `[ARGS]`
- a missing `[TOOL_CALLS]` between two calls, also between two objects without a list

The forms are defined in https://github.com/mistralai/mistral-common (`InstructTokenizerV3`, `V11`, `V13`). In prompts,
calls and tools are written in the older form, because more small models know this form. Calls in prompts have no ids.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from toolmark.benchmark.data.cases import Call, Message, Tool
from toolmark.benchmark.dialects import json_in_text
from toolmark.benchmark.dialects.attempts import Attempt, Leniency, Work
from toolmark.benchmark.dialects.json_calls import ObjectForm
from toolmark.benchmark.dialects.json_in_text import decode_value
from toolmark.benchmark.dialects.marked_calls import Marks
from toolmark.benchmark.dialects.parsing import Grammar, Rules
from toolmark.benchmark.dialects.scanner import Reader
from toolmark.benchmark.dialects.text_dialect import TextDialect

__all__ = ["READERS", "Mistral"]

_OPEN = "[TOOL_CALLS]"
_NAMED = re.compile(
    r"\s{0,8}([^\s\[\]{}\"`]{1,128})\s{0,8}(?:\[CALL_ID\]\s{0,8}[\w-]{0,64}\s{0,8})?(\[ARGS\])?\s{0,8}(?=\{)"
)
"""Pattern of the name before the arguments, in the newer form. Some decoders write blanks around special tokens."""


_FURTHER = re.compile(rf"[\s,;]{{0,64}}(?=\{{\s{{0,8}}\"name\"|{_NAMED.pattern}(?<=\[ARGS\]))")
"""Pattern of the text before a further call without its mark."""


def _value(text: str, start: int) -> tuple[Any, int, str | None]:
    """Decode the list of calls of the older form, or one call of the newer form.

    Returns:
        The calls as a list of the older form, the index after the calls, and a mistake that a lenient reading forgives.
    """
    named = _NAMED.match(text, start)
    if named is None:
        return decode_value(text, start)
    arguments, end, fault = decode_value(text, named.end())
    if not named.group(2):
        fault = fault or "[ARGS] is missing"
    return [{"name": named.group(1), "arguments": arguments}], end, fault


_MARKS = Marks(_OPEN, "", ObjectForm("name", "arguments", ("id",), listed=True, required=True), _value)


def _read(text: str, start: int, work: Work) -> tuple[Attempt, int]:
    """Read the calls at `[TOOL_CALLS]`. Further calls can follow without this mark."""
    attempt, end = _MARKS.read(text, start, work)
    calls, faults = [*attempt.calls], [*attempt.forgiven]
    while attempt.error is None and (further := _FURTHER.match(text, end)) is not None:
        work.spend(0)
        if work.left <= 0:
            return Attempt(error="the text contains too many calls", cut=False), len(text)
        attempt, end = _MARKS.read(text, further.end() - len(_OPEN), work)  # as if the mark were there
        calls += attempt.calls
        faults += [(Leniency.MARK_MISSING, f"{_OPEN} is missing"), *attempt.forgiven]
    return Attempt(calls, faults, attempt.error, attempt.name), end


READERS: Mapping[str, Reader] = {_OPEN: _read}
"""The reader of each mark with which a call begins."""
_GRAMMAR = Grammar(READERS, ("mistral",), Rules(re.compile(r"\[TOOL_RESULTS\]")))


class Mistral(TextDialect):
    """The dialect of Mistral: `[TOOL_CALLS] [{"name": …, "arguments": …}]`."""

    name = "mistral"
    version = "2"
    grammar = _GRAMMAR

    def instructions(self, tools: Sequence[Tool]) -> str:
        """Return the tools as a JSON list after `[AVAILABLE_TOOLS]`."""
        listed = json.dumps([tool.as_openai() for tool in tools], ensure_ascii=False)
        return f"[AVAILABLE_TOOLS] {listed}[/AVAILABLE_TOOLS]"

    def write_calls(self, calls: Sequence[Call]) -> str:
        """Return the calls as a JSON list after `[TOOL_CALLS]`."""
        written = [{"name": call.name, "arguments": dict(call.arguments)} for call in calls]
        return f"{_OPEN} {json_in_text.dumps(written)}"

    def write_result(self, message: Message) -> str:
        """Return the result as JSON between `[TOOL_RESULTS]` and `[/TOOL_RESULTS]`."""
        return f"[TOOL_RESULTS] {json.dumps({'content': message.content}, ensure_ascii=False)}[/TOOL_RESULTS]"
