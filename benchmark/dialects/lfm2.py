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

from toolmark.benchmark.data.cases import Message, Tool
from toolmark.benchmark.data.completions import Completion, ParsedCompletion, Prompt
from toolmark.benchmark.dialects import BaseDialect
from toolmark.benchmark.dialects.marked_lists import MarkedLists
from toolmark.benchmark.dialects.parsing import Grammar, Rules
from toolmark.benchmark.dialects.plain_turns import content_and_calls, plain_turns
from toolmark.benchmark.dialects.python_calls import write_list

__all__ = ["READERS", "Lfm2"]

_OPEN, _CLOSE = "<|tool_call_start|>", "<|tool_call_end|>"
_RESULT, _RESULT_END = "<|tool_response_start|>", "<|tool_response_end|>"

_LISTS = MarkedLists(_OPEN, _CLOSE)
READERS = {_OPEN: _LISTS.read}
"""The reader of each mark with which a list begins."""
_GRAMMAR = Grammar(READERS, ("lfm2",), Rules(re.compile(re.escape(_RESULT))))


def _write_assistant(message: Message) -> str:
    calls = f"{_OPEN}{write_list(message.tool_calls, Lfm2.name)}{_CLOSE}" if message.tool_calls else ""
    return content_and_calls(message.content, calls)


def _write_result(message: Message) -> str:
    return f"{_RESULT}{message.content}{_RESULT_END}"


class Lfm2(BaseDialect):
    """The dialect of LFM2: `<|tool_call_start|>[f(a=1)]<|tool_call_end|>`."""

    name = "lfm2"
    version = "1"

    def render(self, messages: Sequence[Message], tools: Sequence[Tool]) -> Prompt:
        """Return plain turns. The tools are a JSON list at the end of the system turn."""
        listed = json.dumps([tool.shown() for tool in tools], ensure_ascii=False)
        instructions = f"List of tools: <|tool_list_start|>{listed}<|tool_list_end|>" if tools else ""
        return plain_turns(messages, instructions, _write_assistant, _write_result)

    def parse(self, completion: Completion, *, strict: bool) -> ParsedCompletion:
        """Read the calls of a completion. No text of a model causes an exception."""
        return _GRAMMAR.parse(completion, strict=strict)
