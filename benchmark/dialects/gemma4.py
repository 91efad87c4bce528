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

from toolmark.benchmark.data.cases import Tool
from toolmark.benchmark.dialects.bracket_calls import BracketCalls
from toolmark.benchmark.dialects.bracket_dialect import BracketDialect
from toolmark.benchmark.dialects.parsing import Grammar, Rules

__all__ = ["READERS", "UNOPENED", "Gemma4"]

_OPEN, _CLOSE = "<|tool_call>", "<tool_call|>"
_RESULT, _RESULT_END = "<|tool_response>", "<tool_response|>"
_KEY = re.compile(r"[^\s:,{}\[\]<>\"](?:[^:,{}\[\]<>\"\n]{0,254}[^\s:,{}\[\]<>\"])?")

_CALLS = BracketCalls("gemma4", _OPEN, _CLOSE, '<|"|>', _KEY)
READERS = {_OPEN: _CALLS.read}
"""The reader of each mark with which a call begins."""
UNOPENED = r"\}\s*<tool_call\|>"
"""Pattern of the end of a call. See `toolmark.benchmark.dialects.parsing.Rules`."""
_GRAMMAR = Grammar(READERS, ("gemma4",), Rules(re.compile(re.escape(_RESULT)), unopened=re.compile(UNOPENED)))


class Gemma4(BracketDialect):
    """The dialect of Gemma 4: `<|tool_call>call:NAME{key:<|"|>text<|"|>}<tool_call|>`."""

    name = "gemma4"
    version = "1"
    stops: Sequence[str] = (_RESULT,)
    grammar = _GRAMMAR
    calls = _CALLS
    result = (_RESULT, _RESULT_END)

    def instructions(self, tools: Sequence[Tool]) -> str:
        """Return the declarations of the tools."""
        return "".join(f"<|tool>{_CALLS.declaration(tool)}<tool|>" for tool in tools)
