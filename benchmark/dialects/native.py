"""The dialect `native`: the chat template or the server shows the tools and defines how calls are written.

A served model's calls are read from the raw text of the arguments. The values that a client decoded are not used,
because some clients repair the arguments. For example, a client deletes an unmatched quote.

- In a strict reading, the arguments must be one JSON object.
- A lenient reading also accepts an empty text, which means no arguments, and an object inside a JSON string.

A local model writes calls as text. The mark at the beginning of a call shows which dialect reads the text. Three
dialects begin a call with `<tool_call>`; what follows the mark tells them apart.

| mark | dialect |
|---|---|
| `<tool_call>` and then `<function=` | `qwen_xml` |
| `<tool_call>` and then a name | `glm` |
| `<tool_call>` and anything else | `hermes` |
| `<start_function_call>` | `functiongemma` |
| `<|tool_call>` | `gemma4` |
| `[TOOL_CALLS]` | `mistral` |
| `<|channel|>`, `<|start|>assistant` | `harmony` |
| `<｜tool▁calls▁begin｜>`, `<｜DSML｜…` | `deepseek` |
| `<|tool_calls_section_begin|>`, `<|open|>tools<|sep|>` | `kimi` |
| `<|tool_call_start|>` | `lfm2` |
| `<|python_start|>` | `llama4` |
| `<|python_tag|>` | `llama3` |
| none, but the text begins with `{` | `llama3`, because Llama's template writes some calls without a mark |

If a template writes calls in any other form, `toolmark.benchmark.engine.encoding` refuses the template.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from toolmark.benchmark.data.cases import Message, Tool
from toolmark.benchmark.data.completions import Completion, ParsedCompletion, Prompt, RawCall
from toolmark.benchmark.dialects import (
    BaseDialect,
    deepseek,
    functiongemma,
    gemma4,
    glm,
    harmony,
    hermes,
    json_in_text,
    kimi,
    lfm2,
    llama3,
    llama4,
    mistral,
    qwen_xml,
)
from toolmark.benchmark.dialects.attempts import Attempt, Fault, Leniency, Work
from toolmark.benchmark.dialects.json_calls import call_from_object
from toolmark.benchmark.dialects.parsing import Grammar, Rules, judge
from toolmark.benchmark.dialects.scanner import Found, Scanner

__all__ = ["Native"]

_TOOL_CALL = "<tool_call>"
_ELEMENT = re.compile(r"<tool_call>\s*<function=")
_NAME = re.compile(r"<tool_call>\s*[^\s<>{}\[\]\"]{1,128}\s*(?:<arg_key>|</tool_call>)")


def _tool_call(text: str, start: int, work: Work) -> tuple[Attempt | None, int]:
    """Read the call at `<tool_call>`. The text after this mark decides which dialect reads the call."""
    if _ELEMENT.match(text, start) is not None:
        return qwen_xml.READERS[_TOOL_CALL](text, start, work)
    if _NAME.match(text, start) is not None:
        return glm.READERS[_TOOL_CALL](text, start, work)
    return hermes.READERS[_TOOL_CALL](text, start, work)


_FORMS = (deepseek, functiongemma, gemma4, harmony, kimi, lfm2, mistral, qwen_xml)
_READERS = {mark: reader for form in _FORMS for mark, reader in form.READERS.items()}
_RESULT = re.compile(
    r"<tool_response>|<start_function_response>|\[TOOL_RESULTS\]|<\|start_header_id\|>|<\|tool_response>"
    r"|<｜tool▁output▁begin｜>|<\|start\|>functions\."
)
_UNOPENED = re.compile("|".join(form.UNOPENED for form in (hermes, glm, lfm2, gemma4, functiongemma)))
_GRAMMAR = Grammar(
    {**_READERS, **llama4.MARKED_READERS, _TOOL_CALL: _tool_call},
    (*(form.__name__.rpartition(".")[2] for form in _FORMS), "hermes", "glm", "llama3", "llama4"),
    Rules(_RESULT, unopened=_UNOPENED),
)
_LLAMA3 = llama3.Llama3()
_WORDS = Scanner({})
"""Finds the thoughts in the text that a server returns together with calls."""


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
        """Return a prompt with the unchanged turns and the tools. The chat template or the server shows both."""
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
