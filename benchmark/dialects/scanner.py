"""Reads the text of a completion once, from start to end.

A text consists of thoughts, words for the user, and calls. A scanner looks for the next mark from the current position:

- The opening mark of a thought: the thought ends at its closing mark, or at the end of the text.
- A closing mark without an opening mark: everything before it was a thought, because a prompt can open a
  thought.
- A mark of the dialect: its reader reads the call and says where the call ends. So a mark inside a string of a call is
  part of the string.
- A mark of another form: the call is an attempt that the dialect cannot read. See `foreign_forms.py`.

No text is removed before the scan. All text between the calls is kept, because a strict reading accepts no text there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from toolmark.benchmark.data.completions import FailedAttempt
from toolmark.benchmark.dialects import foreign_forms
from toolmark.benchmark.dialects.attempts import Attempt, Leniency, Work
from toolmark.benchmark.dialects.thinking import CLOSING, MARKS

__all__ = ["Found", "Reader", "Scanner"]

Reader = Callable[[str, int, Work], tuple[Attempt | None, int]]
"""Function that reads the call whose mark is at an index. It returns the attempt, and the index after the attempt. If
there is no call, it returns None, and the index at which the scan continues. It must not raise an exception."""

_NOT_BLANK = re.compile(r"\S")
_WRAPPING = re.compile(r"[\s`]*(?:json|xml|tool_code)?[\s`]*")


@dataclass(slots=True)
class Found:
    """What a text contains.

    Attributes:
        attempts: The attempts to call in the dialect.
        gaps: The text before each attempt, and the text after the last attempt. Thoughts are left out.
        failed: Failed attempts that stay in the words for the user: calls in other forms, and texts that are perhaps
            calls of the dialect.
    """

    attempts: list[Attempt] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    failed: list[FailedAttempt] = field(default_factory=list)


class Scanner:
    """Finds the calls in a text.

    Args:
        readers: The reader of each mark with which a call of the dialect begins.
        own: Names of the forms that the readers read. Calls in these forms are not foreign.
        whole: Reader of calls without marks. The scanner tries this reader at the start of the text and after each
            thought. It reads the rest of the text if the rest consists only of such calls.
        ahead: For a mark, the pattern of the text that must follow it. A mark with other text after it is not read.
    """

    def __init__(
        self,
        readers: Mapping[str, Reader],
        own: tuple[str, ...] = (),
        whole: Reader | None = None,
        ahead: Mapping[str, str] | None = None,
    ) -> None:
        self._readers = dict(readers)
        self._whole = whole
        self._own = own
        marks = {*self._readers, *MARKS, *CLOSING, *foreign_forms.MARKS}
        # The longest mark comes first, because one mark can be the beginning of another mark.
        following = {mark: f"(?={pattern})" for mark, pattern in (ahead or {}).items()}
        patterns = (re.escape(mark) + following.get(mark, "") for mark in sorted(marks, key=len, reverse=True))
        self._marks = re.compile("|".join([*patterns, foreign_forms.OTHER_TAGS]))

    def scan(self, text: str) -> Found:
        """Return the thoughts, calls and words of a text. The time is proportional to the length of the text."""
        found = Found()
        work = Work(text)
        examples = _Examples(text)
        parts: list[str] = []  # the words since the last call
        position = at = 0
        thought = False  # whether a mark of a thought was found
        foreign: tuple[int, FailedAttempt] | None = None  # the last foreign mark, and the index after it
        if self._whole is not None and (attempt := self._whole(text, 0, work)[0]) is not None:
            return Found([attempt], ["", ""])
        while (match := self._marks.search(text, at)) is not None:
            mark, start = match.group(), match.start()
            if work.left <= 0:
                found.gaps.append("".join([*parts, text[position:start]]))
                found.attempts.append(Attempt(error="the text contains too many beginnings of calls"))
                parts, position = [], len(text)
                break
            if (reader := self._readers.get(mark)) is not None:
                attempt, at = reader(text, start, work)
                at = max(at, start + 1)
                work.spend(0)
                if attempt is None:
                    continue
                if attempt.silent:
                    parts.append(text[position:start])
                    position = at
                    continue
                if not attempt.certain:
                    found.failed.append(FailedAttempt(None, attempt.error or "", attempt.name, certain=False))
                    continue
                if attempt.error is not None and not attempt.calls:
                    other = foreign_forms.marked(text, match.end(), mark, self._own)
                    attempt.form = None if other is None else other.form
                if attempt.error is not None:
                    attempt.cut = _NOT_BLANK.search(text, at) is None
                if foreign is not None and _WRAPPING.fullmatch(text, foreign[0], start):
                    found.failed.remove(foreign[1])
                    attempt.forgiven = (*attempt.forgiven, (Leniency.OTHER_MARKS, foreign[1].reason))
                foreign = None
                found.gaps.append("".join([*parts, text[position:start]]))
                found.attempts.append(attempt)
                parts, position = [], at
            elif mark in MARKS or (mark in CLOSING and not thought):
                if mark in MARKS:
                    parts.append(text[position:start])
                    end = text.find(MARKS[mark], match.end())
                    position = at = len(text) if end < 0 else end + len(MARKS[mark])
                else:
                    found, parts, foreign, position = Found(), [], None, match.end()
                    at = position
                thought = True
                if self._whole is not None and not found.attempts:
                    attempt, _ = self._whole(text, at, work)
                    if attempt is not None:
                        return Found([attempt], ["".join(parts), ""], found.failed)
            else:
                at = match.end()
                if mark in CLOSING:
                    continue
                failed = foreign_forms.marked(text, at, mark, self._own, certain=not examples.at(start))
                if failed is not None:
                    foreign = (at, failed)
                    found.failed.append(failed)
        found.gaps.append("".join([*parts, text[position:]]))
        return found


class _Examples:
    """Recognises calls that are perhaps examples: they are in backticks or in a code fence, after other words."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = self._ticks = 0

    def at(self, index: int) -> bool:
        """Return whether a call at `index` is perhaps an example.

        From one use of this method to the next, `index` must not decrease.
        """
        self._ticks += self._text.count("`", self._position, index)
        self._position = index
        return self._ticks % 2 == 1 and bool(re.search(r"\w+ +\w+", self._text[max(0, index - 200) : index]))
