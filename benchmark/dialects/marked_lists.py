"""Reads lists of Python calls between marks, for example `<|tool_call_start|>[f(a=1)]<|tool_call_end|>`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from toolmark.benchmark.dialects.attempts import Attempt, Fault, Leniency, Work
from toolmark.benchmark.dialects.json_calls import loose_body
from toolmark.benchmark.dialects.literals import skip
from toolmark.benchmark.dialects.marked_calls import spent
from toolmark.benchmark.dialects.python_calls import HEAD, call_list, sequence

__all__ = ["MarkedLists"]

_FENCE = re.compile(r"```\w*\s{0,8}")
_ANOTHER = re.compile(rf"[\s,;]*(?=\[\s*{HEAD.pattern})")
"""Pattern of the text between two lists."""


@dataclass(frozen=True)
class MarkedLists:
    """The marks around a list of Python calls.

    Attributes:
        opening: The mark before the list.
        closing: The mark after the list.
    """

    opening: str
    closing: str
    _any: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_any", re.compile(f"{re.escape(self.opening)}|{re.escape(self.closing)}"))

    def read(self, text: str, start: int, work: Work) -> tuple[Attempt | None, int]:
        """Read the list whose opening mark is at `start`. See `toolmark.benchmark.dialects.scanner.Reader`.

        A lenient reading also accepts several lists, calls without a list, JSON calls, a code fence as MiniCPM writes
        it, and a missing closing mark.
        """
        begin = skip(text, start + len(self.opening))
        faults: list[Fault] = []
        fence = _FENCE.match(text, begin)
        closing = self.closing if fence is None else "```"
        if fence is not None:
            faults.append((Leniency.CODE_FENCE, "the call is in a code fence"))
            begin = fence.end()
        try:
            if text.startswith("[", begin):
                calls, end = call_list(text, begin, faults)
            else:
                faults.append((Leniency.NO_LIST, "the call is not in a list"))
                calls, end = sequence(text, begin, closing, faults)
        except ValueError as error:
            spent(error, text, begin, work)
            return self._loosely(text, begin, str(error), work)
        while (another := _ANOTHER.match(text, end)) is not None:
            faults.append((Leniency.NO_LIST, "the calls are in several lists"))
            try:
                more, end = call_list(text, another.end(), faults)
            except ValueError as error:
                spent(error, text, another.end(), work)
                return Attempt(calls, faults, str(error)), self._stop(text, another.end())[1]
            calls += more
        end = skip(text, end)
        if fence is not None and text.startswith(closing, end):
            end = skip(text, end + len(closing))
        if text.startswith(self.closing, end):
            return Attempt(calls, faults), end + len(self.closing)
        return Attempt(calls, [*faults, (Leniency.NOT_CLOSED, f"{self.closing} is missing")]), end

    def _stop(self, text: str, begin: int) -> tuple[int, int]:
        """Return the index of the next mark, and the index at which the attempt ends."""
        mark = self._any.search(text, begin)
        end = len(text) if mark is None else mark.start()
        return end, end + len(self.closing) if text.startswith(self.closing, end) else end

    def _loosely(self, text: str, begin: int, error: str, work: Work) -> tuple[Attempt, int]:
        end, stop = self._stop(text, begin)
        body = text[begin:end]
        if not body.lstrip("[ \n").startswith("{"):
            return Attempt(error=error), stop
        attempt = loose_body(body, error, work)
        attempt.forgiven = [(Leniency.VALUE, "the calls are JSON and not Python"), *attempt.forgiven]
        return attempt, stop
