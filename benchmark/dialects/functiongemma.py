"""The dialect `functiongemma`: the calls of FunctionGemma, whose strings are between two `<escape>` tokens.

A strict reading accepts a completion of this form: any text, then one or more calls, then only white-space. A call is
`<start_function_call>call:NAME{KEY:VALUE,…}<end_function_call>`. See `bracket_calls.py` for the values.

A lenient reading also accepts:

- text after the last call
- code fences
- a missing closing token
- strings in double quotes
- Python's `True`, `False` and `None`

The format is described at https://ai.google.dev/gemma/docs/functiongemma/formatting-and-best-practices.

- The sentence before the tools must not be changed, because the model was trained to call functions after it.
- The token `<start_function_response>` ends a completion, because the application and not the model writes results.
- A string in this format cannot contain `<escape>`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from toolmark.benchmark.data.cases import Message, Tool
from toolmark.benchmark.data.completions import Completion, ParsedCompletion, Prompt
from toolmark.benchmark.dialects import BaseDialect
from toolmark.benchmark.dialects.bracket_calls import BracketCalls
from toolmark.benchmark.dialects.parsing import Grammar, Rules
from toolmark.benchmark.dialects.plain_turns import content_and_calls, plain_turns

__all__ = ["READERS", "FunctionGemma"]

_TRIGGER = "You are a model that can do function calling with the following functions"
_OPEN, _CLOSE = "<start_function_call>", "<end_function_call>"
_RESULT, _RESULT_END = "<start_function_response>", "<end_function_response>"
_KEY = re.compile(r"[^\s:,{}\[\]<>\"]{1,256}")

_CALLS = BracketCalls("functiongemma", _OPEN, _CLOSE, "<escape>", _KEY)
READERS = {_OPEN: _CALLS.read}
"""The reader of each mark with which a call begins."""
_GRAMMAR = Grammar(READERS, ("functiongemma",), Rules(re.compile(_RESULT)))


def _declaration(tool: Tool) -> str:
    return f"<start_function_declaration>{_CALLS.declaration(tool)}<end_function_declaration>"


def _write_assistant(message: Message) -> str:
    return content_and_calls(message.content, "".join(map(_CALLS.call, message.tool_calls)))


def _write_result(message: Message) -> str:
    return f"{_RESULT}{_CALLS.result(message.name, message.content)}{_RESULT_END}"


class FunctionGemma(BaseDialect):
    """The dialect of FunctionGemma: `<start_function_call>call:NAME{key:<escape>text<escape>}<end_function_call>`."""

    name = "functiongemma"
    version = "1"
    stops: Sequence[str] = (_RESULT,)

    def render(self, messages: Sequence[Message], tools: Sequence[Tool]) -> Prompt:
        """Return plain turns. The tools are declared at the end of the system turn.

        Raises:
            InputError: A string cannot be written in this dialect.
        """
        instructions = _TRIGGER + "".join(map(_declaration, tools)) if tools else ""
        return plain_turns(messages, instructions, _write_assistant, _write_result)

    def parse(self, completion: Completion, *, strict: bool) -> ParsedCompletion:
        """Read the calls of a completion. No text of a model causes an exception."""
        return _GRAMMAR.parse(completion, strict=strict)
