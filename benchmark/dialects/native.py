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

from collections.abc import Iterable, Sequence

from toolmark.benchmark.data.cases import Message, Tool
from toolmark.benchmark.data.completions import Completion, ParsedCompletion, Prompt, RawCall
from toolmark.benchmark.dialects import BaseDialect, Dialect, json_in_text
from toolmark.benchmark.dialects.functiongemma import FunctionGemma
from toolmark.benchmark.dialects.hermes import Hermes
from toolmark.benchmark.dialects.json_calls import call_from_object
from toolmark.benchmark.dialects.llama3 import PYTHON_TAG, Llama3
from toolmark.benchmark.dialects.mistral import Mistral
from toolmark.benchmark.dialects.parsing import Attempt, Piece, parse_pieces
from toolmark.benchmark.dialects.thinking import without_thinking

__all__ = ["Native"]

_LLAMA3 = Llama3()
_FORMS: dict[str, Dialect] = {
    "<tool_call>": Hermes(),
    "<start_function_call>": FunctionGemma(),
    "[TOOL_CALLS]": Mistral(),
    PYTHON_TAG: _LLAMA3,
}


def _read_raw_call(raw: RawCall, strict: bool) -> Attempt:
    text = raw.arguments[: json_in_text.MAX_LENGTH]
    try:
        arguments = json_in_text.loads(text, strict=strict) if strict or text.strip() else {}
    except ValueError as reason:
        return Attempt(error=str(reason))
    if strict and not isinstance(arguments, dict):
        return Attempt(error="the arguments are not a JSON object")
    call = call_from_object({"name": raw.name, "arguments": arguments})
    return Attempt([call]) if call is not None else Attempt(error="the arguments are not a JSON object")


def _no_calls(text: str, strict: bool) -> Iterable[Piece]:  # noqa: ARG001 - the signature of `Pieces`
    yield text, None


def _form_of(text: str) -> Dialect | None:
    text = without_thinking(text).lstrip()
    forms = {text.find(mark): form for mark, form in _FORMS.items() if mark in text}
    if forms:
        return forms[min(forms)]  # `min` chooses the mark that stands first in the text.
    return _LLAMA3 if text.startswith("{") else None


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
            form = _form_of(completion.text[: json_in_text.MAX_LENGTH])
            return form.parse(completion, strict=strict) if form else parse_pieces(completion, _no_calls, strict=strict)
        attempts = [_read_raw_call(raw, strict) for raw in completion.tool_calls]
        calls = tuple(call for attempt in attempts for call in attempt.calls)
        error = next((attempt.error for attempt in attempts if attempt.error is not None), None)
        answer = without_thinking(completion.text[: json_in_text.MAX_LENGTH]).strip()
        return ParsedCompletion(calls, True, frozenset(), None if calls and not strict else error, answer)
