"""Finds lists of Python calls in the text of a model. See `python_calls.py` for the calls themselves.

A list of calls can stand anywhere in a text. If a text like `[f(…` cannot be read, there are two cases. At the start of
a line or after another list, the text is a failed call. In all other places, the text is perhaps code or a link. It is
then a failed call only if it names an offered tool.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from toolmark.benchmark.data.completions import UntypedCall
from toolmark.benchmark.dialects.attempts import Attempt, Fault, Leniency, Work
from toolmark.benchmark.dialects.literals import skip
from toolmark.benchmark.dialects.marked_calls import spent
from toolmark.benchmark.dialects.parsing import Rules
from toolmark.benchmark.dialects.python_calls import NO_TOOLS, call_list, sequence
from toolmark.benchmark.dialects.scanner import Reader
from toolmark.benchmark.dialects.thinking import CLOSING
from toolmark.benchmark.dialects.unmarked_calls import RESULT

__all__ = ["AHEAD", "READERS", "RULES", "read_whole"]

_FENCE = "```"
_INFO = re.compile(r"[\w-]*")
_LIST = re.compile(r"""\[\s{0,64}(?:print\()?(["']?)([\w.-]{1,128})\1\s{0,8}\(""")
_LINK = re.compile(r"\[[^\[\]\n]{0,300}\]\(")
_UNOPENED = re.compile(r"\][\s;`]*+")
"""Pattern of the end of a list whose opening bracket is missing, up to the end of the text."""
_BARE = re.compile(r"\s{0,64}`{0,2}(?!`)(?:print\()?[\w.-]{1,128}\s{0,8}\(")


def _list(text: str, start: int, work: Work) -> tuple[Attempt | None, int]:
    """Read the list of calls whose bracket is at `start`. See `toolmark.benchmark.dialects.scanner.Reader`."""
    head = _LIST.match(text, start)
    if head is None:
        return None, start + 1
    faults: list[Fault] = []
    try:
        calls, end = call_list(text, start, faults)
    except ValueError as error:
        spent(error, text, start, work)
        if _LINK.match(text, start) is not None:
            return None, start + 1
        line = text[max(text.rfind("\n", 0, start) + 1, start - 256) : start].rstrip(" \t,;`")
        certain = (not line or line.endswith("]")) and not work.fenced(start)
        following = _LIST.search(text, start + 1) if certain else None
        end = head.end() if not certain else len(text) if following is None else following.start()
        return Attempt(error=str(error), name=head[2], certain=certain), end
    return Attempt(calls, faults), end


def _alone(text: str, start: int, end: int) -> bool:
    """Return whether the code fence at `start`, whose calls end at `end`, is the whole answer."""
    before = text[max(0, start - 64) : start].rstrip()
    after = end + len(_FENCE) if text.startswith(_FENCE, end) else end
    return skip(text, after) == len(text) and (not before or before.endswith(tuple(CLOSING)))


def _block(text: str, start: int, work: Work) -> tuple[Attempt | None, int]:
    """Read the code fence at `start` if it contains only calls."""
    info = _INFO.match(text, start + len(_FENCE))
    begin = start + len(_FENCE) if info is None else info.end()
    if work.fenced(start):  # this fence ends a block with other text
        return None, start + len(_FENCE)
    faults: list[Fault] = []
    try:
        calls, end = sequence(text, begin, _FENCE, faults)
    except ValueError as error:
        spent(error, text, start, work)
        return None, begin
    marked = info is not None and info.group() == "tool_code"
    if not marked and any(isinstance(call, UntypedCall) for call in calls) and not _alone(text, start, end):
        return None, begin  # Arguments without names, beside other text, show that this is example code.
    if not text.startswith(_FENCE, end):
        faults.append((Leniency.NOT_CLOSED, "the fence is not closed"))
    else:
        end += len(_FENCE)
        if not marked:
            faults.append((Leniency.CODE_FENCE, "the call is in a code fence"))
    work.fenced(end)
    return Attempt(calls, faults), end


def read_whole(text: str, start: int, work: Work) -> tuple[Attempt | None, int]:
    """Read calls without a list if the rest of the text consists of such calls only, perhaps in backticks."""
    if _BARE.match(text, start) is None:
        return None, start
    faults: list[Fault] = []
    begin = skip(text, start)
    ticks = begin
    while text.startswith("`", ticks):
        ticks += 1
    if ticks > begin:
        faults.append((Leniency.CODE_FENCE, "the call is in backticks"))
    try:
        calls, end = sequence(text, ticks, "]", faults)
    except ValueError as error:
        spent(error, text, start, work)
        return None, start
    if end < len(text):
        if (rest := _UNOPENED.fullmatch(text, end)) is None:
            return None, start
        faults.append((Leniency.NO_LIST, "'[' is missing"))
        end = rest.end()
    if all(call.name in NO_TOOLS for call in calls):
        return None, start
    return Attempt(calls, [(Leniency.NO_LIST, "the call is not in a list"), *faults]), end


RULES = Rules(RESULT, after=re.compile(r"\s*(?:```)?\s*"))
"""The rules for the text around lists of calls. A single closing fence after the last call is right.

BFCL's decoder removes this fence, too (`default_decode_ast_prompting` in the package bfcl-eval).
"""
READERS: Mapping[str, Reader] = {"[": _list, _FENCE: _block}
"""The reader of each mark with which a list of calls can begin."""
AHEAD = {"[": r"\s{0,64}(?:print\()?[\"']?[\w.-]"}
"""For a mark, the pattern of the text that must follow the mark. See `Scanner`."""
