"""The dialect `pythonic`: calls are a list of Python calls, for example `[f(a=1), g()]`.

Gemma's documentation and BFCL describe this form. A strict reading accepts a completion of this form: any text, then
one or more lists of calls, then only white-space.

- A list can be in a fence ```` ```tool_code ````, because Gemma marks calls with this fence. In the fence, the calls
  can also stand on separate lines, without a list.
- Values are strings, numbers, lists, tuples, dicts with string keys, `True`, `False` and `None`. A tuple is read as a
  list. JSON's `true`, `false` and `null` are also accepted.
- A single closing fence can stand after the last list, because BFCL's decoder removes such a fence. Models write this
  fence if they believe that the prompt has opened a fence.
- Every argument must have a name.
- Arguments whose names are not Python identifiers are written as `**{…}`.

A lenient reading also accepts:

- text after the calls
- other code fences
- a fence that is not closed
- arguments without names, if the schema of the tool has at least this number of arguments. In a code fence of another
  language, such a call is accepted only if the fence is the whole answer. If there is other text, the call is example
  code.
- a list that is not closed at the end of the text
- `print(…)` around a call
- the prefix `default_api.`
- calls without a list, if a fence or the text contains only calls. Commas, semicolons and backticks can stand between
  the calls.
- a list whose opening bracket is missing, if the text contains only calls

The instructions are taken from https://ai.google.dev/gemma/docs/capabilities/function-calling. One sentence is taken
from BFCL's `DEFAULT_SYSTEM_PROMPT`: it says what to do if no function fits.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import ClassVar

from toolmark.benchmark.data.cases import Call, Tool
from toolmark.benchmark.dialects.parsing import Grammar
from toolmark.benchmark.dialects.python_call_readers import AHEAD, READERS, RULES, read_whole
from toolmark.benchmark.dialects.python_calls import write_list
from toolmark.benchmark.dialects.text_dialect import TextDialect

__all__ = ["Pythonic"]

_INSTRUCTIONS = """\
You have access to functions. If you decide to invoke any of the function(s), you MUST put it in the format of
[func_name1(params_name1=params_value1, params_name2=params_value2...), func_name2(params)]

You SHOULD NOT include any other text in the response if you call a function.
If none of the functions can be used, point it out. If the given question lacks the parameters required by the \
function, also point it out.
{tools}"""

_GRAMMAR = Grammar(READERS, ("pythonic",), RULES, read_whole, AHEAD)


class Pythonic(TextDialect):
    """The dialect of Gemma 3's documentation: `[f(a=1), g()]`."""

    name = "pythonic"
    version = "1"
    grammar = _GRAMMAR

    template: ClassVar[str] = _INSTRUCTIONS

    def instructions(self, tools: Sequence[Tool]) -> str:
        """Return the tools as a JSON list, with one tool on each line."""
        listed = ",\n".join(json.dumps(tool.shown(), ensure_ascii=False) for tool in tools)
        return self.template.format(tools=f"[{listed}]")

    def write_calls(self, calls: Sequence[Call]) -> str:
        """Return the calls as a list."""
        return write_list(calls, self.name)
