"""The dialect `llama4`: the calls of Llama 4, a list of Python calls with or without tokens around it.

A strict reading accepts a completion of this form: any text, then one or more lists of calls, then only white-space. A
list is `[f(a=1), g()]` or `<|python_start|>[f(a=1), g()]<|python_end|>`. All other rules are those of the dialect
`pythonic`. The instructions in the prompt are those of Meta's prompt format for Llama 4
(https://www.llama.com/docs/model-cards-and-prompt-formats/llama4/).
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from toolmark.benchmark.data.cases import Message, Tool
from toolmark.benchmark.data.completions import Completion, ParsedCompletion, Prompt
from toolmark.benchmark.dialects import BaseDialect
from toolmark.benchmark.dialects.marked_lists import MarkedLists
from toolmark.benchmark.dialects.parsing import Grammar, Rules
from toolmark.benchmark.dialects.plain_turns import content_and_calls, plain_turns
from toolmark.benchmark.dialects.python_call_readers import AHEAD, READERS, read_whole
from toolmark.benchmark.dialects.python_calls import write_list
from toolmark.benchmark.dialects.unmarked_calls import RESULT, write_result

__all__ = ["MARKED_READERS", "Llama4"]

_INSTRUCTIONS = """\
You are an expert in composing functions. You are given a question and a set of possible functions.
Based on the question, you will need to make one or more function/tool calls to achieve the purpose.
If none of the functions can be used, point it out. If the given question lacks the parameters required by the \
function, also point it out. You should only return the function call in tools call sections.

If you decide to invoke any of the function(s), you MUST put it in the format of \
[func_name1(params_name1=params_value1, params_name2=params_value2...), func_name2(params)]
You SHOULD NOT include any other text in the response.

Here is a list of functions in JSON format that you can invoke.

{tools}"""

MARKED_READERS = {"<|python_start|>": MarkedLists("<|python_start|>", "<|python_end|>").read}
"""The reader of a list between the tokens of Llama 4."""
_GRAMMAR = Grammar({**READERS, **MARKED_READERS}, ("pythonic", "llama4"), Rules(RESULT), read_whole, AHEAD)


def _write_assistant(message: Message) -> str:
    calls = write_list(message.tool_calls, Llama4.name) if message.tool_calls else ""
    return content_and_calls(message.content, calls)


class Llama4(BaseDialect):
    """The dialect of Llama 4: `[f(a=1), g()]`."""

    name = "llama4"
    version = "1"

    def render(self, messages: Sequence[Message], tools: Sequence[Tool]) -> Prompt:
        """Return plain turns. The tools are a JSON list at the end of the system turn, with one tool on each line."""
        listed = ",\n".join(json.dumps(tool.shown(), ensure_ascii=False) for tool in tools)
        instructions = _INSTRUCTIONS.format(tools=f"[{listed}]") if tools else ""
        return plain_turns(messages, instructions, _write_assistant, write_result)

    def parse(self, completion: Completion, *, strict: bool) -> ParsedCompletion:
        """Read the calls of a completion. No text of a model causes an exception."""
        return _GRAMMAR.parse(completion, strict=strict)
