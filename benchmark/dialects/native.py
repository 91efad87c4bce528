"""The dialect `native`: the chat template or the server shows the tools and defines how calls are written.

A served model's calls are read from the raw text of the arguments. The values that a client decoded are not used,
because a client may repair the arguments. For example, a client may delete an unmatched quote.

- In a strict reading, the arguments must be one JSON object.
- A lenient reading also accepts an empty text, which means no arguments, and an object inside a JSON string.

A local model writes calls as text. The mark at the beginning of a call shows which dialect reads the text:

| mark | dialect |
|---|---|
| `<tool_call>` | `hermes` |
| `<start_function_call>` | `functiongemma` |
| `[TOOL_CALLS]` | `mistral` |
| `<|python_tag|>` | `llama3` |
| none, but the text begins with `{` | `llama3`, because Llama's template may write calls without a mark |

If a template writes calls in any other form, `toolmark.benchmark.engine.encoding` refuses the template.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from toolmark.benchmark.data.cases import Message, Tool
from toolmark.benchmark.data.completions import Completion, ParsedCompletion, Prompt, RawCall
from toolmark.benchmark.dialects import BaseDialect, functiongemma, hermes, json_in_text, llama3, mistral
from toolmark.benchmark.dialects.attempts import Attempt, Fault, Leniency
from toolmark.benchmark.dialects.json_calls import call_from_object
from toolmark.benchmark.dialects.parsing import Grammar, Rules, judge
from toolmark.benchmark.dialects.scanner import Found, Scanner

__all__ = ["Native"]

_RESULT = re.compile("<tool_response>|<start_function_response>|\\[TOOL_RESULTS\\]|<\\|start_header_id\\|>")
_RULES = Rules(_RESULT, llama3.RULES.between)
_GRAMMAR = Grammar(
    {**hermes.READERS, **functiongemma.READERS, **mistral.READERS},
    ("hermes", "functiongemma", "mistral", "llama3"),
    _RULES,
)
_LLAMA3 = llama3.Llama3()
_WORDS = Scanner({})
"""Finds thoughts in the words beside the calls of a server."""


def _read_raw_call(raw: RawCall) -> Attempt:
    text = raw.arguments[: json_in_text.MAX_LENGTH]
    faults: list[Fault] = []
    try:
        arguments = json_in_text.loads(text, strict=True)
    except ValueError as reason:
        faults.append((Leniency.VALUE, str(reason)))
        try:
            arguments = json_in_text.loads(text, strict=False) if text.strip() else {}
        except ValueError as error:
            return Attempt(error=str(error), name=raw.name)
    if isinstance(arguments, str):
        faults.append((Leniency.ARGUMENTS_AS_TEXT, "the arguments are not a JSON object"))
    call = call_from_object({"name": raw.name, "arguments": arguments}) if arguments is not None else None
    if call is None:
        return Attempt(error="the arguments are not a JSON object", name=raw.name)
    return Attempt([call], faults)


class Native(BaseDialect):
    """The chat template or the server shows the tools."""

    name = "native"
    version = "1"

    def render(self, messages: Sequence[Message], tools: Sequence[Tool]) -> Prompt:
        """Return a prompt with the unchanged turns and the tools. The chat template or the server writes both."""
        return Prompt(tuple(messages), tuple(tools))

    def parse(self, completion: Completion, *, strict: bool) -> ParsedCompletion:
        """Read the calls of a completion. No text of a model or server causes an exception."""
        if not completion.tool_calls:
            reading = _GRAMMAR.parse(completion, strict=strict)
            bare = not reading.attempted and (reading.answer.startswith("{") or llama3.PYTHON_TAG in reading.answer)
            if bare:
                return _LLAMA3.parse(completion, strict=strict)
            return reading
        found = _WORDS.scan(completion.text[: json_in_text.MAX_LENGTH])
        attempts = [_read_raw_call(raw) for raw in completion.tool_calls]
        words = "".join(found.gaps)
        return judge(Found(attempts, [words, *("" for _ in attempts)]), Rules(), (), strict=strict)
