"""The dialect `llama4`: the calls of Llama 4, a list of Python calls with or without tokens around it.

A strict reading accepts a completion of this form: any text, then one or more lists of calls, then only white-space. A
list is `[f(a=1), g()]` or `<|python_start|>[f(a=1), g()]<|python_end|>`. All other rules are those of the dialect
`pythonic`. The instructions in the prompt are those of Meta's prompt format for Llama 4
(https://www.llama.com/docs/model-cards-and-prompt-formats/llama4/).
"""

from __future__ import annotations

from toolmark.benchmark.dialects.marked_lists import MarkedLists
from toolmark.benchmark.dialects.parsing import Grammar
from toolmark.benchmark.dialects.python_call_readers import AHEAD, READERS, RULES, read_whole
from toolmark.benchmark.dialects.pythonic import Pythonic

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
_GRAMMAR = Grammar({**READERS, **MARKED_READERS}, ("pythonic", "llama4"), RULES, read_whole, AHEAD)


class Llama4(Pythonic):
    """The dialect of Llama 4: `[f(a=1), g()]`."""

    name = "llama4"
    version = "1"
    grammar = _GRAMMAR
    template = _INSTRUCTIONS
