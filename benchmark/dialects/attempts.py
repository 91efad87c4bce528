"""What a reading finds in a text: attempts to call, and the mistakes that a lenient reading forgives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from toolmark.benchmark.data.cases import Call
from toolmark.benchmark.data.completions import UntypedCall

__all__ = ["Attempt", "Fault", "Leniency", "Work"]


class Leniency(StrEnum):
    """A kind of mistake that a lenient reading forgives. Reports count the answers that needed each of them."""

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
"""A mistake that a lenient reading forgives, and the words for an error of the strict reading."""


_ATTEMPT = 1_000
"""Effort of an attempt to read a call, besides the effort for its characters."""


@dataclass(slots=True)
class Attempt:
    """A part of a text in which a model called tools or tried to call tools.

    Attributes:
        calls: The calls that can be read in this part.
        forgiven: The mistakes in this part. A strict reading accepts none.
        error: Why a call in this part cannot be read, even leniently. None if everything is read.
        name: Name of the tool in a call that cannot be read, as far as it can be seen.
        certain: Whether an unreadable part is an attempt whatever tool it names. Otherwise it remains part of the
            words for the user, and is an attempt only if the named tool is offered.
        form: Name of the form of another dialect in which the unreadable part is written.
        silent: Whether this part is no attempt, but also not a part of the words, for example the header of a message.
    """

    calls: Sequence[Call | UntypedCall] = ()
    forgiven: Sequence[Fault] = ()
    error: str | None = None
    name: str = ""
    certain: bool = True
    form: str | None = None
    silent: bool = False


class Work:
    """The state of one reading: the effort that it may still spend, and the code fences so far.

    A failed value may have been read up to the end of the text, and a hostile text contains many of them. The limit
    keeps the time of a reading proportional to the length of the text. The unit is about 10 nanoseconds: the time in
    which the JSON decoder reads a character or two.

    Attributes:
        left: The effort that is left. If it is not positive, the rest of the text is not read.

    Args:
        text: The text of the completion.
    """

    __slots__ = ("_fences", "_position", "_text", "left")

    def __init__(self, text: str) -> None:
        self.left = 40 * len(text) + 1_000_000
        self._text = text
        self._position = self._fences = 0

    def spend(self, effort: int) -> None:
        """Count one attempt to read a call, and the effort for what was read in vain."""
        self.left -= effort + _ATTEMPT

    def fenced(self, index: int) -> bool:
        """Return whether an index is inside a code fence. The index must not be smaller than that of the last call."""
        self._fences += self._text.count("```", self._position, index)
        self._position = max(self._position, index)
        return self._fences % 2 == 1
