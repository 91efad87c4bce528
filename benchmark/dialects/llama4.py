"""The dialect `llama4`: the calls of Llama 4, a list of Python calls with or without tokens around it, or JSON objects.

A strict reading accepts a completion of this form: any text, then calls, then only white-space. Calls are written in
one of these forms:

- `[f(a=1), g()]`
- `<|python_start|>[f(a=1), g()]<|python_end|>`
- `{"name": "f", "parameters": {"a": 1}}`
- `<|python_start|>text<|python_end|>{"name": "f", "parameters": {"a": 1}}`, as the chat template writes a turn with
  calls. The text is part of the answer, and is often empty.

All other rules for lists are those of the dialect `pythonic`, and for objects those of `llama3`. The instructions in
the prompt are those of Meta's prompt format for Llama 4
(https://www.llama.com/docs/model-cards-and-prompt-formats/llama4/). The chat template is in transformers,
`models/llama4/processing_llama4.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from toolmark.benchmark.data.cases import Call
from toolmark.benchmark.data.completions import UntypedCall
from toolmark.benchmark.dialects import unmarked_calls
from toolmark.benchmark.dialects.attempts import Attempt, Fault, Leniency, Work
from toolmark.benchmark.dialects.json_calls import ObjectForm
from toolmark.benchmark.dialects.literals import skip
from toolmark.benchmark.dialects.marked_lists import MarkedLists
from toolmark.benchmark.dialects.parsing import Grammar
from toolmark.benchmark.dialects.python_call_readers import AHEAD, READERS, RULES, read_whole
from toolmark.benchmark.dialects.pythonic import Pythonic
from toolmark.benchmark.dialects.scanner import Reader

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

_OPEN, _CLOSE = "<|python_start|>", "<|python_end|>"
_LISTS = MarkedLists(_OPEN, _CLOSE)
_OBJECTS = unmarked_calls.UnmarkedObjects(ObjectForm("name", "parameters", ("type",), listed=True, marked=False))
_CALLS = re.compile(r"\s*(?:[\[{]|[\w.-]{1,128}\()")
"""Pattern of the beginning of calls between the tokens."""
_OBJECT = re.compile(r"\s*\{\s*\"(?:name|type|function|parameters|arguments)\"")


def _opened(text: str, start: int, work: Work) -> tuple[Attempt | None, int]:
    """Read the list after `<|python_start|>`. If there is text instead, and objects follow, return a silent attempt."""
    begin = start + len(_OPEN)
    if _CALLS.match(text, begin) is None:
        close = text.find(_CLOSE, begin)
        work.spend(((len(text) if close < 0 else close) - begin) // 8)
        if close >= 0 and _OBJECT.match(text, close + len(_CLOSE)) is not None:
            return Attempt(silent=True), begin
    return _LISTS.read(text, start, work)


def _closed(text: str, start: int, work: Work) -> tuple[Attempt | None, int]:
    """Read the objects after `<|python_end|>`."""
    at = start + len(_CLOSE)
    if _OBJECT.match(text, at) is None:
        return None, at
    work.spend(start // 8)
    calls: list[Call | UntypedCall] = []
    faults: list[Fault] = []
    if text.rfind(_OPEN, 0, start) < 0:
        faults.append((Leniency.MARK_MISSING, f"{_OPEN} is missing"))
    while _OBJECT.match(text, at) is not None:
        attempt, end = _OBJECTS.read(text, skip(text, at), work)
        work.spend(0)
        if attempt is None:
            break
        calls += attempt.calls
        faults += attempt.forgiven
        at = end
        if attempt.error is not None:
            return Attempt(calls, faults, attempt.error, attempt.name), at
    return Attempt(calls, faults, None if calls else f"there is no call after {_CLOSE}"), at


def _bracket(text: str, start: int, work: Work) -> tuple[Attempt | None, int]:
    """Read the list of Python calls or of objects at `start`."""
    found = READERS["["](text, start, work)
    return found if found[0] is not None else _OBJECTS.read(text, start, work)


MARKED_READERS: Mapping[str, Reader] = {_OPEN: _opened, _CLOSE: _closed}
"""The readers of the calls at the tokens of Llama 4."""
_AHEAD = {**AHEAD, "{": unmarked_calls.AHEAD["{"], "[": f"(?:{AHEAD['[']}|{unmarked_calls.AHEAD['[']})"}
_GRAMMAR = Grammar(
    {**READERS, "{": _OBJECTS.read, "[": _bracket, **MARKED_READERS},
    ("pythonic", "llama4", "json"),
    RULES,
    read_whole,
    _AHEAD,
)


class Llama4(Pythonic):
    """The dialect of Llama 4: `[f(a=1), g()]`, or `{"name": …, "parameters": {…}}`."""

    name = "llama4"
    version = "1"
    grammar = _GRAMMAR
    template = _INSTRUCTIONS
