"""What a reading finds in a text: attempts to call, and the mistakes that a lenient reading forgives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from toolmark.benchmark.data.cases import Call
from toolmark.benchmark.data.completions import UntypedCall

__all__ = ["Attempt", "Fault", "Leniency", "Work"]


class Leniency(StrEnum):
    """A kind of mistake that a lenient reading forgives.

    For each kind, reports count the answers that are right only in the lenient reading.
    """

    TEXT_AFTER = "text after the calls"
    TEXT_BETWEEN = "text between calls"
    TEXT_INSIDE = "text between the marks"
    CODE_FENCE = "code fence or backticks"
    NOT_CLOSED = "not closed"
    SEVERAL = "several calls between one pair of marks"
    KEYS = "other keys"
    ARGUMENTS_AS_TEXT = "arguments as text"
    VALUE = "value not written strictly"
    NO_LIST = "calls without a list"
    POSITIONAL = "arguments without names"
    WRAPPED = "print or a prefix around the call"
    OTHER_MARKS = "marks of another form"
    MARK_MISSING = "missing mark"
    OWN_RESULT = "tool result written by the model"


Fault = tuple[Leniency, str]
"""A kind of mistake that a lenient reading forgives, and the error with which a strict reading refuses it."""


_ATTEMPT = 1_000
"""Effort for each attempt to read a call, in addition to the effort for the characters. See `Work`."""


@dataclass(slots=True)
class Attempt:
    """A part of a text in which a model called tools or tried to call tools.

    Attributes:
        calls: The calls that can be read in this part.
        forgiven: The mistakes in this part. A strict reading accepts no mistake.
        error: Why a call in this part cannot be read, even leniently. None if everything is read.
        name: Name of the tool, if the call cannot be read. Empty if no name is found.
        certain: Only for a part that cannot be read. If True, the part is an attempt. If False, the part stays in the
            words for the user, and is an attempt only if it names an offered tool.
        form: If the part is unreadable because it has the form of another dialect, the name of this dialect. Otherwise
            None.
        silent: Whether this part is neither an attempt nor words for the user, for example the header of a message.
        cut: Only for a part that cannot be read: whether it reaches the end of the text.
    """

    calls: Sequence[Call | UntypedCall] = ()
    forgiven: Sequence[Fault] = ()
    error: str | None = None
    name: str = ""
    certain: bool = True
    form: str | None = None
    silent: bool = False
    cut: bool = True


class Work:
    """The state of one reading: how much effort is left, and how many code fences were passed.

    *Effort* measures the time of a reading. One unit is about 10 nanoseconds: the time in which the JSON decoder reads
    one or two characters. A value that cannot be decoded is sometimes read up to the end of the text, and a hostile
    text contains many such values. The limit of effort keeps the time proportional to the length of the text.

    Attributes:
        left: The effort that is left. If it is 0 or less, the rest of the text is not read.

    Args:
        text: The text of the completion.
    """

    __slots__ = ("_fences", "_position", "_text", "left")

    def __init__(self, text: str) -> None:
        self.left = 40 * len(text) + 1_000_000
        self._text = text
        self._position = self._fences = 0

    def spend(self, effort: int) -> None:
        """Subtract the effort for one attempt to read a call, and `effort` for the characters of a failed attempt."""
        self.left -= effort + _ATTEMPT

    def fenced(self, index: int) -> bool:
        """Return whether an index is inside a code fence. The index must never be smaller than an earlier index."""
        self._fences += self._text.count("```", self._position, index)
        self._position = max(self._position, index)
        return self._fences % 2 == 1
