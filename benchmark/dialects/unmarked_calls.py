"""Reads calls in dialects without marks. In these dialects, every JSON value in the form of a call counts as a call."""

from __future__ import annotations

import re
from collections.abc import Mapping

from toolmark.benchmark.dialects.attempts import Attempt, Leniency, Work
from toolmark.benchmark.dialects.json_calls import ObjectForm
from toolmark.benchmark.dialects.json_in_text import START, decode_value, wasted
from toolmark.benchmark.dialects.scanner import Reader

__all__ = ["AHEAD", "RESULT", "UnmarkedObjects"]

RESULT = re.compile(r"^Result(?: of [^\n:]{1,128})?:", re.MULTILINE)
"""Pattern of a tool result as `TextDialect.write_result` writes it."""

AHEAD = {"{": r"\s{0,64}[\"'}\w]", "[": r"\s{0,64}[{\"\[\]\-\dtfnNI]"}
"""For a mark, the pattern of the text that must follow the mark. See `Scanner`."""

_KEY = r"(?:tool_name|name|tool|function)"
_ARGUMENTS = r"(?:args|arguments|parameters|input_args)"
_QUOTES = r"[\"']{0,2}"
_HEAD = re.compile(
    rf"""\{{\s{{0,64}}(?:["']type["']\s*:\s*["']function["']\s*,\s*)?"""
    rf"""(?:["']{_KEY}["']\s*:\s*["']([^"'\\\n]{{1,128}})(?:\Z|["']\s*(?:\Z|,\s*(?:\Z|["'](?:\w*\Z|{_ARGUMENTS}["']))))"""
    rf"""|["']{_ARGUMENTS}["']\s*:\s*\{{(?=[^\x00]{{0,300}}?["']{_KEY}["']\s*:\s*["']([^"'\\\n]{{1,128}}))"""
    rf"""|{_QUOTES}{_KEY}{_QUOTES}\s{{0,8}}:{{0,2}}\s{{0,8}}{_QUOTES}([^"'\\\n:,{{}}]{{1,128}}){_QUOTES}"""
    rf"""\s{{0,8}},{{0,2}}\s{{0,8}}{_QUOTES}{_ARGUMENTS}{_QUOTES}\s{{0,8}}:{{0,2}}\s{{0,8}}{_QUOTES}\{{)"""
)
"""Pattern of the beginning of a call, also of a call that cannot be decoded. In the last form, signs can be missing or
written twice."""


class UnmarkedObjects:
    """Reads JSON values that contain calls and nothing else. All other JSON is part of the answer.

    Args:
        form: The form of the calls.
    """

    def __init__(self, form: ObjectForm) -> None:
        self._form = form

    def readers(self) -> Mapping[str, Reader]:
        """Return the reader of each mark with which a call can begin."""
        return {"{": self.read, "[": self.read}

    def read(self, text: str, start: int, work: Work) -> tuple[Attempt | None, int]:
        """Read the call that begins at `start`. See `toolmark.benchmark.dialects.scanner.Reader`.

        A value that begins like a call and cannot be decoded is a failed attempt. Such an attempt ends where the next
        call begins.
        """
        if START.match(text, start) is None:
            return self._broken(text, start, "the call is not JSON")
        try:
            value, end, fault = decode_value(text, start)
        except ValueError as error:
            wasted(error, text, start, work)
            return self._broken(text, start, str(error))
        attempt = self._form.attempt(value, fault)
        if attempt is not None and text[max(0, start - 64) : start].rstrip().endswith(("[", "{", '":')):
            attempt.forgiven = (*attempt.forgiven, (Leniency.NOT_CLOSED, "the call is inside a broken JSON value"))
        return attempt, end

    def _broken(self, text: str, start: int, error: str) -> tuple[Attempt | None, int]:
        head = _HEAD.match(text, start)
        if head is None:
            return None, start + 1
        following = _HEAD.search(text, head.end())
        end = len(text) if following is None else following.start()
        return Attempt(error=error, name=head[1] or head[2] or head[3]), end
