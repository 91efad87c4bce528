"""The dialect `gemma4`: the calls of Gemma 4, whose strings are between two `<|"|>` tokens.

A strict reading accepts a completion of this form: any text, then one or more calls, then only white-space. A call is
`<|tool_call>call:NAME{KEY:VALUE,…}<tool_call|>`. See `bracket_calls.py` for the values.

A lenient reading also accepts:

- text after the last call
- code fences
- a missing closing token
- strings in double quotes
- Python's `True`, `False` and `None`

Tools are declared as in Gemma 4's chat template (https://huggingface.co/google/gemma-4-31B-it), but with all keywords
of their schemas. The token `<|tool_response>` ends a completion, because the application and not the model writes
results.
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

__all__ = ["READERS", "Gemma4"]

_OPEN, _CLOSE = "<|tool_call>", "<tool_call|>"
_RESULT, _RESULT_END = "<|tool_response>", "<tool_response|>"
_KEY = re.compile(r"[^\s:,{}\[\]<>\"](?:[^:,{}\[\]<>\"\n]{0,254}[^\s:,{}\[\]<>\"])?")

_CALLS = BracketCalls("gemma4", _OPEN, _CLOSE, '<|"|>', _KEY)
READERS = {_OPEN: _CALLS.read}
"""The reader of each mark with which a call begins."""
_GRAMMAR = Grammar(READERS, ("gemma4",), Rules(re.compile(re.escape(_RESULT))))


def _write_assistant(message: Message) -> str:
    return content_and_calls(message.content, "".join(map(_CALLS.call, message.tool_calls)))


def _write_result(message: Message) -> str:
    return f"{_RESULT}{_CALLS.result(message.name, message.content)}{_RESULT_END}"


class Gemma4(BaseDialect):
    """The dialect of Gemma 4: `<|tool_call>call:NAME{key:<|"|>text<|"|>}<tool_call|>`."""

    name = "gemma4"
    version = "1"
    stops: Sequence[str] = (_RESULT,)

    def render(self, messages: Sequence[Message], tools: Sequence[Tool]) -> Prompt:
        """Return plain turns. The tools are declared at the end of the system turn.

        Raises:
            InputError: A string cannot be written in this dialect.
        """
        instructions = "".join(f"<|tool>{_CALLS.declaration(tool)}<tool|>" for tool in tools)
        return plain_turns(messages, instructions, _write_assistant, _write_result)

    def parse(self, completion: Completion, *, strict: bool) -> ParsedCompletion:
        """Read the calls of a completion. No text of a model causes an exception."""
        return _GRAMMAR.parse(completion, strict=strict)
