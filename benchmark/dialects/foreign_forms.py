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
- In all other places, a text that looks like a call is an attempt only if it names an offered tool. `call_shapes.py`
  says which texts look like a call.
- A text *without brackets* that consists only of a name and arguments is an attempt if it names an offered tool.
  Examples are the lines `tool: f` and `arguments:` in YAML, and `f a=1`. If there is other text, it is prose.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from toolmark.benchmark.data.completions import FailedAttempt
from toolmark.benchmark.dialects.attempts import Work
from toolmark.benchmark.dialects.call_shapes import NAME_KEY, consists_of_call, names_in_calls
from toolmark.benchmark.dialects.json_calls import whole_calls
from toolmark.benchmark.dialects.python_calls import NO_TOOLS, whole_sequence

__all__ = ["MARKS", "OTHER_TAGS", "marked", "unmarked"]

_NAME = r"[\w.:/-]{1,128}"
_NEXT_LINE = r"(?:[ \t]*\n\s*)?"
"""Pattern of the text between a tag and a name. A word after a space can be prose, as in `<tool_call> tags`."""
_BOLD = r"[*_`\t \d]{0,8}"
"""Pattern of the signs of Markdown and the number that can stand beside `Action`."""

_FORMS: tuple[tuple[str, str, str], ...] = (
    ("<tool_call>", "hermes", r"\s*(?:```\w*\s*)?[{\[]"),
    ("<tool_call>", "qwen_xml", rf"\s*<function=({_NAME})"),
    ("<tool_call>", "glm", rf"\s*({_NAME})\s*<arg_key>"),
    ("<tool_call>", "hermes", rf"\s*({_NAME})\s*</tool_call>"),
    ("<tool_call>", "hunyuan", rf"{_NEXT_LINE}({_NAME})\s*(?:```\w*\s*)?\{{"),
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
    ("Action", "react", rf"{_BOLD}:{_BOLD}({_NAME}){_BOLD}\n[\s*_#>-]{{0,16}}Action[ _](?:\d{{1,2}}[ _])?Input\b"),
    ("✿FUNCTION✿", "qwen_agent", rf"\s*:?\s*({_NAME})\s*✿"),
    ("<|recipient|>", "functionary", rf"\s*(?!all\b)({_NAME})\s*<\|content\|>"),
    ("<|tool_call:name|>", "solar", rf"\s*({_NAME})"),
)
"""For each form with marks: the mark, the name of the form, and the pattern of the text after the mark. If the pattern
has a group that matches, this group is the name of the tool."""

_BY_MARK = {
    mark: tuple((form, re.compile(pattern)) for of, form, pattern in _FORMS if of == mark) for mark, _, _ in _FORMS
}

MARKS: tuple[str, ...] = tuple(_BY_MARK)
"""The marks with which the calls in these forms begin."""

OTHER_TAGS = r"(?i:<[|｜]?[\w:]{0,24}(?:tool|function|action)[_▁ ]?(?:calls?|start)(?:[_▁ ]begin)?[|｜]?>)"
"""Pattern of a tag or a special token that says that a call begins, and that is perhaps not one of `MARKS`. Small
models write the tokens of their family with other signs, for example `<|tool_calls_begin|>`, and tags in capitals."""
_OTHER_TAG = re.compile(OTHER_TAGS)
_AFTER_TAG = re.compile(rf"(?:\s*<\|\w{{1,16}}\|>)?(?:\s*[{{\[]\s*[\"'{{]|{_NEXT_LINE}({_NAME})\s*(?:[{{(<]|```))")

_ESCAPED = re.compile(r"\\_")
"""Pattern of a `_` as Markdown escapes it. Some models of Mistral write the names of tools in this way."""
_UNSEEN = re.compile("[\u200b-\u200d\u2060\ufeff]")
"""Pattern of the characters that have no width."""
_NEAR = 300
"""Largest distance of the name of a tool from the mark of the call, in characters."""
_FENCE = re.compile(
    r"```(?:json|tool_code|tool_calls?|function_calls?|tool|xml|ya?ml)?[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL
)


def marked(text: str, at: int, mark: str, own: Collection[str], *, certain: bool = True) -> FailedAttempt | None:
    """Return the call after a mark. None if no call follows the mark, or if the call has one of the forms `own`.

    Args:
        text: The text.
        at: Index after the mark.
        mark: The mark before `at`: one of `MARKS`, or a text that `OTHER_TAGS` describes. After any other text, the
            function returns None.
        own: Names of the forms that the dialect reads itself.
        certain: Whether the call is certainly not an example in an explanation.
    """
    for form, pattern in _BY_MARK.get(mark) or ((("tag", _AFTER_TAG),) if _OTHER_TAG.fullmatch(mark) else ()):
        if form not in own and (match := pattern.match(text, at)) is not None:
            name = next(filter(None, match.groups()), "")
            if not name and (key := NAME_KEY.search(text, match.end(), match.end() + _NEAR)) is not None:
                name = key[1]
            return FailedAttempt(form, f"the call has the form {form}", name, certain)
    return None


def unmarked(prose: str, own: Collection[str]) -> Iterator[FailedAttempt]:
    """Find calls without marks in an answer. The dialect itself has found no call in this answer.

    Args:
        prose: The answer without thoughts.
        own: Names of the forms that the dialect reads itself.
    """
    prose = _ESCAPED.sub("_", prose) if "\\_" in prose else prose
    prose = prose if prose.isascii() else _UNSEEN.sub("", prose)
    stripped = prose.strip().strip("*")
    if (fence := _FENCE.fullmatch(stripped)) is not None:
        stripped = fence[1].strip()
    work = Work(stripped)
    for form, calls in (("json", whole_calls), ("pythonic", whole_sequence)):
        if form not in own and (found := calls(stripped, work)) and found[0].name not in NO_TOOLS:
            yield FailedAttempt(form, f"the call has the form {form}", found[0].name, cut=False)
            return
    written = names_in_calls(prose)
    if (whole := consists_of_call(stripped)) is not None:
        form, name = whole
        written[name] = form
    short = {part: form for name, form in written.items() for part in (*name.rpartition(".")[::2],) if part}
    for name, form in sorted({**short, **written}.items()):
        yield FailedAttempt(None if form in own else form, f"the call looks like the form {form}", name, certain=False)
