"""Reads sections of calls: a mark, then calls, then a closing mark. Each call has its own head and its own end.

DeepSeek and Kimi write all calls of a turn in one section. Each family states its marks and how one call is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from toolmark.benchmark.data.cases import Call
from toolmark.benchmark.data.completions import UntypedCall
from toolmark.benchmark.dialects.attempts import Attempt, Fault, Leniency, Work
from toolmark.benchmark.dialects.marked_calls import spent
from toolmark.benchmark.dialects.scanner import Reader

__all__ = ["ReadCall", "Section"]

ReadCall = Callable[[str, "re.Match[str]", list[Fault]], tuple[Call | UntypedCall, int]]
"""Function that reads one call. The arguments are the text, the match of the head of the call, and the mistakes. It
returns the call and the index after it, or raises `ValueError`."""


_PERHAPS_CALL = re.compile(r"[<{\[]")
"""Pattern of a sign that shows that other text in a section can contain a call."""


@dataclass(frozen=True)
class Section:
    """The marks of a section, and how a call in it is read.

    Attributes:
        opening: The marks with which a section begins.
        closing: Pattern of the mark with which the section ends.
        head: Pattern of the beginning of a call. Its first group is the name of the tool.
        read_call: Function that reads a call.
        bare: The mark with which a call outside of a section begins. Empty if there is no such mark.
    """

    opening: tuple[str, ...]
    closing: re.Pattern[str]
    head: re.Pattern[str]
    read_call: ReadCall
    bare: str = ""

    def readers(self) -> Mapping[str, Reader]:
        """Return the reader of each mark with which a section or a call begins."""
        readers: dict[str, Reader] = {mark: self._section(mark) for mark in self.opening}
        if self.bare:
            readers[self.bare] = self._bare
        return readers

    def _section(self, mark: str) -> Reader:
        def read(text: str, start: int, work: Work) -> tuple[Attempt | None, int]:
            return self._calls(text, start + len(mark), work)

        return read

    def _bare(self, text: str, start: int, work: Work) -> tuple[Attempt | None, int]:
        if self.head.match(text, start) is None:
            return Attempt(error=f"the text after {self.bare} cannot be read"), start + len(self.bare)
        attempt, end = self._calls(text, start, work)
        attempt.forgiven = (*attempt.forgiven, (Leniency.MARK_MISSING, f"{self.opening[0]} is missing"))
        return attempt, end

    def _calls(self, text: str, at: int, work: Work) -> tuple[Attempt, int]:
        """Read the calls from `at` to the end of the section, or to the end of the text."""
        calls: list[Call | UntypedCall] = []
        faults: list[Fault] = []
        errors: list[tuple[str, str]] = []
        closing = self.closing.search(text, at)
        while work.left > 0:
            head = self.head.search(text, at)
            if closing is not None and closing.start() < at:  # this closing mark was inside a call
                closing = self.closing.search(text, at)
            ends = closing is not None and (head is None or closing.start() < head.start())
            stop = closing.start() if closing is not None and ends else len(text) if head is None else head.start()
            between = text[at:stop].strip()
            if between and _PERHAPS_CALL.search(between) is not None:
                errors.append((f"the text after {self.opening[0]} cannot be read", ""))
            elif between and (calls or not ends):
                faults.append((Leniency.TEXT_INSIDE, "there is other text between the marks"))
            if closing is not None and ends:
                at = closing.end()
                if not calls and not errors:
                    errors.append((f"there is no call after {self.opening[0]}", ""))
                break
            if head is None:
                at = len(text)
                if not calls:
                    errors.append((f"the text after {self.opening[0]} cannot be read", ""))
                faults.append((Leniency.NOT_CLOSED, "the section of calls is not closed"))
                break
            work.spend(0)
            try:
                call, at = self.read_call(text, head, faults)
            except ValueError as error:
                spent(error, text, head.end(), work)
                errors.append((str(error), head[1]))
                at = head.end()
            else:
                calls.append(call)
        reason, name = errors[0] if errors else (None, "")
        return Attempt(calls, faults, reason, name), at
