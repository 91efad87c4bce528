"""Recognises calls in the forms of other dialects.

A model that calls in another form has tried to call, so its answer is not an abstention. But some answers explain
how calls are written, or contain code that was asked for. These rules decide:

- A text with the *marks* of a call, for example `<function=f>{…}` or `[TOOL_CALLS]f[ARGS]{…}`, is an attempt, even if
  it names no offered tool. There is one exception. If such a text is in backticks or in a code fence, and follows other
  words, it is perhaps an example in an explanation. It is then an attempt only if it names an offered tool.
- A mark alone is prose: "Qwen writes its calls between <tool_call> tags."
- A text *without marks*, for example `f(a=1)` or `{"name": "f", "arguments": {…}}`, is an attempt if the answer
  consists of such calls only, with literal values. "You would write f(a=1)." is prose. A code fence of a programming
  language, for example `python`, contains example code.
- In all other places, a text without marks is an attempt only if it begins a line (or an object) and names an offered
  tool. A number, a quotation mark or a bracket can stand before it, as in `1. f(a=1)` and `['f(a=1)']`.
- A text *in YAML* that consists only of a name and arguments, for example the lines `tool: f` and `arguments:`, is an
  attempt if it names an offered tool. If there is other text, the text in YAML only describes the tool.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from toolmark.benchmark.data.completions import FailedAttempt
from toolmark.benchmark.dialects.attempts import Work
from toolmark.benchmark.dialects.json_calls import whole_calls
from toolmark.benchmark.dialects.python_calls import NO_TOOLS, whole_sequence

__all__ = ["MARKS", "marked", "unmarked"]

_NAME = r"[\w.:/-]{1,128}"

_FORMS: tuple[tuple[str, str, str], ...] = (
    ("<tool_call>", "hermes", r"\s*(?:```\w*\s*)?[{\[]"),
    ("<tool_call>", "qwen_xml", rf"\s*<function=({_NAME})"),
    ("<tool_call>", "glm", rf"\s*({_NAME})\s*<arg_key>"),
    ("<tool_call>", "hermes", rf"\s*({_NAME})\s*</tool_call>"),
    ("<function=", "qwen_xml", rf"({_NAME})>?\s*(?:<parameter|\{{|</function>|\()"),
    ("<|tool_call>", "gemma4", rf"\s*call:({_NAME})"),
    ("<start_function_call>", "functiongemma", rf"\s*call:({_NAME})"),
    ("[TOOL_CALLS]", "mistral", rf"\s*(?:[{{\[]|({_NAME})\s*(?:\[ARGS\]|\[CALL_ID\]|\{{))"),
    ("<|channel|>", "harmony", r"[^<\n]{0,40} to=[\w.]*?(\w{1,128})\b"),
    ("<|start|>assistant", "harmony", r" to=[\w.]*?(\w{1,128})\b"),
    (" to=functions.", "harmony", r"(\w{1,128})<\|channel\|>"),
    ("<｜tool▁call▁begin｜>", "deepseek", rf"\s*(?:function<｜tool▁sep｜>)?({_NAME})"),
    ("<｜tool▁calls▁begin｜>", "deepseek", ""),
    ("<｜DSML｜", "deepseek", rf" ?(?:invoke name=\"({_NAME})|(?:function_|tool_)?calls>)"),
    ("<|tool_call_begin|>", "kimi", rf"\s*(?:functions\.)?({_NAME})"),
    ("<|tool_calls_section_begin|>", "kimi", ""),
    ("<|open|>call", "kimi", rf" tool=\"({_NAME})"),
    ("<|python_tag|>", "llama3", rf"\s*(?:[{{\[]|({_NAME})\()"),
    ("<|python_start|>", "llama4", rf"\s*\[?({_NAME})?"),
    ("<|tool_call_start|>", "lfm2", rf"\s*(?:\{{|\[?({_NAME})?)"),
    ("<|tool_call|>", "granite", r"\s*[{\[]"),
    ("functools[", "phi", r"\s*\{"),
    ("<TOOLCALL>", "nemotron", r"\s*\["),
    ("<invoke", "invoke", rf" name=\"({_NAME})"),
    ("<function_call>", "function_call", rf"\s*(?:[{{\[<]|({_NAME})\()"),
    ("<tool_code>", "tool_code", rf"\s*(?:print\()?({_NAME})\("),
    ("<|START_ACTION|>", "command", r"\s*\["),
    ("<|tools_prefix|>", "apertus", r"\s*\["),
    (":invoke name=", "invoke", rf"\"({_NAME})"),
    ("<functioncall>", "function_call", r"\s*\{"),
    ("<tool_use>", "function_call", rf"\s*(?:[{{\[<]|({_NAME})\()"),
    ("Action:", "react", rf"[ \t]*({_NAME})[ \t]*\n\s*Action[ _]Input:"),
)
"""For each form with marks: the mark, the name of the form, and the pattern of the text after the mark. If the pattern
has a group that matches, this group is the name of the tool."""

_BY_MARK = {
    mark: tuple((form, re.compile(pattern)) for of, form, pattern in _FORMS if of == mark) for mark, _, _ in _FORMS
}

MARKS: tuple[str, ...] = tuple(_BY_MARK)
"""The marks with which the calls in these forms begin."""

_LINE_START = (
    r"^[ \t\ufeff`\[({<\"'*>-]{0,16}(?:\d{1,3}[.)][ \t`\[*]{0,8})?(?:<\|?[\w:]{1,32}\|?>\s?)?"
    r"(?:return |await |[A-Za-z_]\w{0,31} ?= ?|[A-Za-z_][\w ]{0,31}: ?|to=)?(?:print\()?"
)
_CALL_AT_LINE_START = re.compile(
    rf"{_LINE_START}([A-Za-z_][\w.-]{{0,127}})(?:\(| ?\{{\s{{0,8}}[\"'\w}}])", re.MULTILINE
)
_LIST_OF_CALLS = re.compile(r"\[\s{0,8}([A-Za-z_][\w.-]{0,127})\((?![^\[\]\n]{0,200}\]\()")
_NAME_KEY = re.compile(
    r"""(?:["']|[{,]\s{0,8})(?:tool_name|name|tool|function|action)["']?\s{0,8}:\s{0,8}["']([^"'\\]{1,128})["']"""
)
_OBJECT_KEY = re.compile(r"""["']([^"'\\]{1,128})["']\s{0,8}:\s{0,8}\{""")
_NEAR = 300
"""Largest distance of the name of a tool from the mark of the call, in characters."""
_SHAPES = (
    ("json", _NAME_KEY),
    ("json", _OBJECT_KEY),
    ("pythonic", _CALL_AT_LINE_START),
    ("pythonic", _LIST_OF_CALLS),
)

_YAML = re.compile(
    r"(?:[\w-]{1,32}:[ \t]*\n)?[ \t]*(?:- )?(?:tool_name|tool|name|function|action):[ \t]*"
    r"[\"']?([\w.-]{1,128})[\"']?[ \t]*\n[ \t]*"
    r"(?:arguments|args|parameters|params|input|action_input|tool_input):[^\n]*+"
    r"(?:\n(?:[ \t]+[^\n]*+|[\w-][^\n:]{0,64}:[^\n]*+|- [^\n]*+)?)*+",
    re.IGNORECASE,
)
_FENCE = re.compile(
    r"```(?:json|tool_code|tool_calls?|function_calls?|tool|xml|ya?ml)?[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL
)


def marked(text: str, at: int, mark: str, own: Collection[str], *, certain: bool = True) -> FailedAttempt | None:
    """Return the call after a mark. None if no call follows the mark, or if the call has one of the forms `own`.

    Args:
        text: The text.
        at: Index after the mark.
        mark: The mark before `at`. If it is not one of `MARKS`, the function returns None.
        own: Names of the forms that the dialect reads itself.
        certain: Whether the call is certainly not an example in an explanation.
    """
    for form, pattern in _BY_MARK.get(mark, ()):
        if form not in own and (match := pattern.match(text, at)) is not None:
            name = next(filter(None, match.groups()), "")
            if not name and (key := _NAME_KEY.search(text, match.end(), match.end() + _NEAR)) is not None:
                name = key[1]
            return FailedAttempt(form, f"the call has the form {form}", name, certain)
    return None


def unmarked(prose: str, own: Collection[str]) -> Iterator[FailedAttempt]:
    """Find calls without marks in an answer. The dialect itself has found no call in this answer.

    Args:
        prose: The answer without thoughts.
        own: Names of the forms that the dialect reads itself.
    """
    stripped = prose.strip().strip("*")
    if (fence := _FENCE.fullmatch(stripped)) is not None:
        stripped = fence[1].strip()
    work = Work(stripped)
    for form, calls in (("json", whole_calls), ("pythonic", whole_sequence)):
        if form not in own and (found := calls(stripped, work)) and found[0].name not in NO_TOOLS:
            yield FailedAttempt(form, f"the call has the form {form}", found[0].name)
            return
    if (block := _YAML.fullmatch(stripped)) is not None:
        yield FailedAttempt("yaml", "the call looks like the form yaml", block[1], certain=False)
    written = {name: form for form, shape in reversed(_SHAPES) for name in shape.findall(prose)}
    short = {part: form for name, form in written.items() for part in (*name.rpartition(".")[::2],) if part}
    for name, form in sorted({**short, **written}.items()):
        yield FailedAttempt(None if form in own else form, f"the call looks like the form {form}", name, certain=False)
