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

- The sentence before the tools must not be changed, because the model was trained to call functions after this
  sentence.
- The token `<start_function_response>` ends a completion, because the application and not the model writes results.
- A string in this format cannot contain `<escape>`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from toolmark.benchmark.data.cases import Tool
from toolmark.benchmark.dialects.bracket_calls import BracketCalls
from toolmark.benchmark.dialects.bracket_dialect import BracketDialect
from toolmark.benchmark.dialects.parsing import Grammar, Rules

__all__ = ["READERS", "UNOPENED", "FunctionGemma"]

_TRIGGER = "You are a model that can do function calling with the following functions"
_OPEN, _CLOSE = "<start_function_call>", "<end_function_call>"
_RESULT, _RESULT_END = "<start_function_response>", "<end_function_response>"
_KEY = re.compile(r"[^\s:,{}\[\]<>\"]{1,256}")

_CALLS = BracketCalls("functiongemma", _OPEN, _CLOSE, "<escape>", _KEY)
READERS = {_OPEN: _CALLS.read}
"""The reader of each mark with which a call begins."""
UNOPENED = r"\}\s*<end_function_call>"
"""Pattern of the end of a call. See `toolmark.benchmark.dialects.parsing.Rules`."""
_GRAMMAR = Grammar(READERS, ("functiongemma",), Rules(re.compile(_RESULT), unopened=re.compile(UNOPENED)))


class FunctionGemma(BracketDialect):
    """The dialect of FunctionGemma: `<start_function_call>call:NAME{key:<escape>text<escape>}<end_function_call>`."""

    name = "functiongemma"
    version = "1"
    stops: Sequence[str] = (_RESULT,)
    grammar = _GRAMMAR
    calls = _CALLS
    result = (_RESULT, _RESULT_END)

    def instructions(self, tools: Sequence[Tool]) -> str:
        """Return the trigger, and the declarations of the tools."""
        declared = (
            f"<start_function_declaration>{_CALLS.declaration(tool)}<end_function_declaration>" for tool in tools
        )
        return _TRIGGER + "".join(declared)
