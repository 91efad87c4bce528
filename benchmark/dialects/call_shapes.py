"""Finds texts that look like a call and have none of the marks in `foreign_forms.py`.

A text looks like a call if a *name* stands where a call can begin, and the *arguments* follow this name:

- A call can begin at the start of a line, after a tag such as `<function>`, and after a token such as `[TOOL]`. A
  number, a label, a quotation mark or a bracket can stand before it, as in `1. f(a=1)`, `Tool: f` and `['f(a=1)']`.
- Arguments are in parentheses, in an object, or in elements. Only white-space, punctuation, tags, and words such as
  `Arguments:` can stand between the name and an object. So `f[ARGS]{"a": 1}` looks like a call, and also a line with
  `f` before a line with `{"a": 1}`. `The tool f takes {"a": 1}.` does not.
- An object that gives types instead of values describes a tool, for example `f: {"city": "string"}`. So do parentheses
  with names instead of values, for example `f(city: str)` and `f(city, unit): finds the weather`.

Such a text is perhaps prose. It is an attempt only if its name is the name of an offered tool. The offered tools are
not known here.
"""

from __future__ import annotations

import re

__all__ = ["NAME_KEY", "consists_of_call", "names_in_calls"]

_TOOL = r"[A-Za-z_][\w.-]{0,127}+"
"""Pattern of the name of a tool."""
_TAG = r"<{1,2}/?[|｜]?[\w:▁-]{1,32}[|｜]?>{1,2}"
"""Pattern of a tag or a special token, for example `<function>`, `<<function>>` and `<|content|>`."""
_CAPITALS = r"\[[A-Z_]{1,16}\]"
"""Pattern of a token in brackets, for example `[ARGS]`."""

_TYPE = r"(?:str(?:ing)?|int(?:eger)?|number|float|bool(?:ean)?|array|list|object|dict|any)"
_PARAMETER = r"\s{0,8}\*{0,2}[a-z_]\w{0,63}\??"
_SIGNATURE = (
    rf"(?:{_PARAMETER}\s{{0,8}}:\s{{0,8}}(?:Optional\[|Union\[)?{_TYPE}\b"
    rf"|(?:{_PARAMETER}(?:\s{{0,8}},{_PARAMETER}){{0,31}})?\s{{0,8}}\)[*`\"']{{0,4}} ?(?::|->|→|[-–—] ))"
)
"""Pattern of the parameters in the description of a function: names with types, as in `f(city: str)`, or only names
before a description, as in `f(city, unit): finds the weather`. The values of a call are not names in lower case."""

_LINE_START = (
    rf"^[ \t\ufeff`\[({{<\"'*>-]{{0,16}}(?:\d{{1,3}}[.)][ \t`\[*]{{0,8}})?(?:(?:{_TAG}|{_CAPITALS})\s?)?"
    r"(?:return |await |[A-Za-z_]\w{0,31} ?= ?|[A-Za-z_][\w ]{0,31}: ?|to=)?(?:print\()?"
)
_CALL_AT_LINE_START = re.compile(
    rf"{_LINE_START}([A-Za-z_][\w.-]{{0,127}})(?:\((?!{_SIGNATURE})| ?\{{\s{{0,8}}[\"'\w}}])", re.MULTILINE
)
_LIST_OF_CALLS = re.compile(r"\[\s{0,8}([A-Za-z_][\w.-]{0,63}(?:[ /][\w.-]{1,63}){0,8})\((?![^\[\]\n]{0,200}\]\()")
"""Pattern of the beginning of a list of calls. In the data of ToolACE, the names of tools contain blanks."""
_NAMED_FENCE = re.compile(rf"^[ \t]*```({_TOOL})[ \t]*\n\s{{0,8}}\{{\s{{0,8}}[\"'}}]", re.MULTILINE)
"""Pattern of a code fence with the name of a tool in place of a language, and with arguments."""
NAME_KEY = re.compile(
    r"""(?:["']|[{,]\s{0,8})(?:tool_name|name|tool|function|action)["']?\s{0,8}:\s{0,8}["']([^"'\\]{1,128})["']"""
)
"""Pattern of the name of a tool after a key that stands for it."""
_OBJECT_KEY = re.compile(r"""["']([^"'\\]{1,128})["']\s{0,8}:\s{0,8}\{""")
_ANYWHERE = (
    ("json", NAME_KEY),
    ("json", _OBJECT_KEY),
    ("pythonic", _CALL_AT_LINE_START),
    ("pythonic", _LIST_OF_CALLS),
    ("name_and_arguments", _NAMED_FENCE),
)
"""Shapes that are also searched in code."""

_ARGUMENTS_WORD = (
    r"(?:(?:action|tool|function|call)[ _]?)?(?:input|arg(?:ument)?s?|param(?:eter)?s?)|json|code|content|message"
)
_GAP = r"[^\w{}.?!|]{0,16}"
_BETWEEN = rf"(?:{_GAP}(?:{_TAG}|\[CALL_ID\]\w{{1,64}}|{_CAPITALS}|\b(?:{_ARGUMENTS_WORD})\b)){{0,4}}{_GAP}"
"""Pattern of the text between a name and its arguments."""
_DESCRIBED = (
    r"""\s{0,8}["'][\w$-]{1,64}["']\s{0,8}:\s{0,8}"""
    rf"""(?:["'](?:{_TYPE}|<[\w ]{{1,40}}>|\.\.\.|…)["']|<|\.\.\.|…|{_TYPE}\b"""
    r"""|\{\s{0,8}["'](?:type|description)["'])"""
)
"""Pattern of the beginning of an object that describes arguments, for example `"city": "string"`. Such an object is
part of the description of a tool."""
_NAME_AND_ARGUMENTS = re.compile(
    rf"(?<![\w.-])({_TOOL})(?::\d{{1,4}})?{_BETWEEN}"
    rf"(?:\{{(?!{_DESCRIBED})\s{{0,8}}[\"'}}]|<\w{{0,24}}(?:arg|param)\w{{0,16}}>)",
    re.IGNORECASE,
)
_BEGINNING = re.compile(
    rf"[^\w\n|]{{0,16}}(?:\d{{1,3}}[.)]\W{{0,8}})?(?:{_TAG}\W{{0,4}}|{_CAPITALS}\W{{0,4}})?"
    r"(?:[A-Za-z_][\w ]{0,31}[^\w\n|]{0,3}[:=][^\w\n|]{0,6})?"
)
"""Pattern of the text before a name that begins a line."""
_AFTER_MARK = re.compile(r"(?:[>\]][ \t]?|\bto=)\Z")
_LONGEST_BEGINNING = 120

_ELEMENT = re.compile(
    rf"<({_TOOL})(?:>\s{{0,8}}(?:<[A-Za-z_]\w{{0,63}}>|\{{\s{{0,8}}[\"'}}])"
    r"|\s{1,8}[\w-]{1,64}=[\"'](?:[^<>/]|/(?!>)){0,500}+(?:/>|></))"
)
"""Pattern of the beginning of an element with child elements, with JSON, or with attributes and no content."""
_NAME_ATTRIBUTE = re.compile(
    rf"<[\w:-]{{0,24}}(?:tool|function|invoke|action|call)[\w:-]{{0,16}}\s[^<>\n]{{0,80}}?\bname\s?=\s?[\"']({_TOOL})[\"']"
)
_NAME_ELEMENT = re.compile(
    rf"<(\w{{0,24}}name|tool|function|action)>\s{{0,8}}({_TOOL})\s{{0,8}}</\1>\s{{0,8}}"
    r"<\w{0,24}(?:arg|param|input)\w{0,16}>"
)
_ACTION = re.compile(
    rf"^\W{{0,16}}(?:act(?:ion)?|tool|function|call)\W{{0,3}}\d{{0,2}}\W{{0,3}}:\W{{0,6}}({_TOOL})\[(?!\])",
    re.MULTILINE | re.IGNORECASE,
)

_FENCED = re.compile(r"```([^\n`]*)\n.*?(?:```|\Z)", re.DOTALL)
_NOT_CODE = re.compile(r"(?:json|tool_code|tool_calls?|function_calls?|tool|xml|ya?ml|te?xt|plaintext)?\s*")

_YAML = re.compile(
    r"(?:[\w-]{1,32}:[ \t]*\n)?[ \t]*(?:- )?(?:tool_name|tool|name|function|action):[ \t]*"
    r"[\"']?([\w.-]{1,128})[\"']?[ \t]*\n[ \t]*"
    r"(?:arguments|args|parameters|params|input|action_input|tool_input):[^\n]*+"
    r"(?:\n(?:[ \t]+[^\n]*+|[\w-][^\n:]{0,64}:[^\n]*+|- [^\n]*+)?)*+",
    re.IGNORECASE,
)
_PAIRS = re.compile(
    rf"\W{{0,8}}({_TOOL})\W{{0,8}}?(?:"
    r"""(?:[,\s]++[A-Za-z_]\w{0,63}=(?:"[^"\n]*+"|'[^'\n]*+'|[^\s,"']++))++"""
    r"""|(?: --?[\w-]{1,64}[ =](?:"[^"\n]*+"|'[^'\n]*+'|[^\s"']++))++"""
    r"""|:[ \t]*(?!\n[ \t]+(?:(?:description|type|parameters|returns):|"""
    rf"""[\w-]{{1,64}}:[ \t]*(?:{_TYPE}|required|optional)\b))"""
    r"""(?:\n[ \t]+[\w-]{1,64}:[ \t]*[^\s][^\n]*+)++"""
    r")\W{0,8}"
)
_WHOLE = (("yaml", _YAML), ("pairs", _PAIRS))


def consists_of_call(text: str) -> tuple[str, str] | None:
    """Return the form and the name of the call of which a text consists. None if the text is anything else.

    The arguments are not in JSON. There are two forms:

    - `yaml`: two keys in YAML, for example `tool: f` and `arguments:`
    - `pairs`: a name, and a key with each argument: `f a=1`, `f --a 1`, or lines such as `  a: 1` after `f:`
    """
    for form, pattern in _WHOLE:
        if (found := pattern.fullmatch(text)) is not None:
            return form, found[1]
    return None


def names_in_calls(prose: str) -> dict[str, str]:
    """Return the names in all parts of a text that look like a call, each with the form of this part.

    The time is proportional to the length of the text.
    """
    written: dict[str, str] = {}
    text = _FENCED.sub(_without_code, prose) if "```" in prose else prose
    # Each of the next patterns needs a bracket, and most answers have none.
    if "<" in text:
        written |= {found[2]: "elements" for found in _NAME_ELEMENT.finditer(text)}
        written |= dict.fromkeys([*_ELEMENT.findall(text), *_NAME_ATTRIBUTE.findall(text)], "elements")
    if "[" in text:
        written |= dict.fromkeys(_ACTION.findall(text), "react")
    if "{" in text or "<" in text:
        for found in _NAME_AND_ARGUMENTS.finditer(text):
            if _can_begin(text, found.start()):
                written[found[1]] = "name_and_arguments"
    for form, shape in reversed(_ANYWHERE):
        written |= dict.fromkeys(shape.findall(prose), form)
    return written


def _without_code(fence: re.Match[str]) -> str:
    """Return a code fence if it can contain a call. A fence of a programming language contains example code."""
    return fence[0] if _NOT_CODE.fullmatch(fence[1].lower()) is not None else ""


def _can_begin(text: str, at: int) -> bool:
    """Return whether a call can begin at `at`: at the start of a line, perhaps after a label, or after a mark."""
    window = text[max(0, at - _LONGEST_BEGINNING) : at]
    line = window.rpartition("\n")[2]
    begins = len(line) < len(window) or at <= _LONGEST_BEGINNING
    return (begins and _BEGINNING.fullmatch(line) is not None) or _AFTER_MARK.search(window) is not None
