"""The dialect `lfm2`: the calls of LFM2 and LFM2.5, a list of Python calls between two tokens.

A strict reading accepts a completion of this form: any text, then one or more lists of calls, then only white-space. A
list is `<|tool_call_start|>[f(a=1), g()]<|tool_call_end|>`. The values are as in the dialect `pythonic`.

A lenient reading also accepts text after the last list, a missing closing token, calls without a list, and JSON calls
between the tokens. LFM2 writes JSON calls if the prompt asks for JSON.

The tools are shown as in the chat template of LFM2 (https://huggingface.co/LiquidAI/LFM2-1.2B).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from toolmark.benchmark.data.cases import Call, Message, Tool
from toolmark.benchmark.dialects.marked_lists import MarkedLists
from toolmark.benchmark.dialects.parsing import Grammar, Rules
from toolmark.benchmark.dialects.python_calls import write_list
from toolmark.benchmark.dialects.text_dialect import TextDialect

__all__ = ["READERS", "UNOPENED", "Lfm2"]

_OPEN, _CLOSE = "<|tool_call_start|>", "<|tool_call_end|>"
_RESULT, _RESULT_END = "<|tool_response_start|>", "<|tool_response_end|>"

_LISTS = MarkedLists(_OPEN, _CLOSE)
READERS = {_OPEN: _LISTS.read}
"""The reader of each mark with which a list begins."""
UNOPENED = r"[)\]}]\s*<\|tool_call_end\|>"
"""Pattern of the end of a call. See `toolmark.benchmark.dialects.parsing.Rules`."""
_GRAMMAR = Grammar(READERS, ("lfm2",), Rules(re.compile(re.escape(_RESULT)), unopened=re.compile(UNOPENED)))


class Lfm2(TextDialect):
    """The dialect of LFM2: `<|tool_call_start|>[f(a=1)]<|tool_call_end|>`."""

    name = "lfm2"
    version = "1"
    grammar = _GRAMMAR

    def instructions(self, tools: Sequence[Tool]) -> str:
        """Return the tools as a JSON list between tokens."""
        listed = json.dumps([tool.shown() for tool in tools], ensure_ascii=False)
        return f"List of tools: <|tool_list_start|>{listed}<|tool_list_end|>"

    def write_calls(self, calls: Sequence[Call]) -> str:
        """Return the calls as a list between two special tokens."""
        return f"{_OPEN}{write_list(calls, self.name)}{_CLOSE}"

    def write_result(self, message: Message) -> str:
        """Return the result between tokens."""
        return f"{_RESULT}{message.content}{_RESULT_END}"
