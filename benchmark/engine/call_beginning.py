"""Decides from the beginning of a reply whether the reply begins with a call.

All calls of a dialect begin with the same text. The *mark* is the shortest beginning of this text that shows a call: no
answer and no thought begins with the mark. For example, calls of `tagged` begin with `<tool_call>` and answers begin
with `<final_answer>`, but some models write `<think>`. So the mark is `<to`. In `json`, the mark is `{`. The mark is
text, because tokenizers cut the same text differently.

Some models begin calls and answers in several ways. For example, an answer of gpt-oss can begin with
`<|channel|>final` or with `<|channel|>commentary<|message|>`, and a call with `<|channel|>commentary to=functions.` or
with ` to=functions.`. So there can be several answers and several marks.

All texts are the texts after thoughts, without white-space at their beginning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolmark.benchmark.core.common_beginning import common_beginning
from toolmark.benchmark.dialects import harmony
from toolmark.benchmark.dialects.thinking import THOUGHTS
from toolmark.benchmark.engine.reply_beginnings import reply_texts

if TYPE_CHECKING:
    from toolmark.benchmark.dialects import Dialect

__all__ = ["CallBeginning", "CallMarks", "call_mark"]


def call_mark(call: str, answers: Sequence[str]) -> str | None:
    """Return the text that shows that a reply begins with a call. None if an answer in words can begin in the same way.

    Args:
        call: The text with which calls begin, after thoughts and white-space.
        answers: The texts with which answers begin, after thoughts and white-space.
    """
    shared = max(common_beginning(call, answer) for answer in answers)
    if shared == len(call):
        return None
    # In some dialects, a call can begin like `[THINK]` up to the name of the tool. Such a thought needs its own token.
    thoughts = (common_beginning(call, thought) for thought in THOUGHTS)
    return call[: 1 + max(shared, *(length for length in thoughts if length < len(call)), 0)]


@dataclass(frozen=True, slots=True)
class CallMarks:
    """The texts that tell calls from answers.

    Attributes:
        call: The text with which the dialect writes every call.
        answers: The texts with which answers begin. A text can be empty.
        marks: The texts that show that a reply begins with a call.
    """

    call: str
    answers: tuple[str, ...]
    marks: tuple[str, ...]

    @classmethod
    def between(cls, call: str, answer: str) -> CallMarks | None:
        """Return the marks. None if an answer in words can begin like a call.

        Args:
            call: The text with which the dialect or the chat template writes every call.
            answer: The text with which the dialect or the chat template writes every answer.
        """
        answers: tuple[str, ...] = (answer,)
        other_marks: tuple[str, ...] = ()
        if harmony.RECIPIENT.strip() in call:  # the model also begins replies in ways that a template does not write
            call, answers, other_marks = harmony.CALL, (answer, *harmony.ANSWERS), (harmony.RECIPIENT.strip(),)
        mark = call_mark(call, answers)
        return None if mark is None else cls(call, answers, (mark, *other_marks))


class CallBeginning:
    """Decides whether a text begins with a call.

    Args:
        marks: The texts that tell calls from answers.
    """

    def __init__(self, marks: CallMarks) -> None:
        self._call, self._answers, self._marks = marks.call, marks.answers, marks.marks

    @classmethod
    def of_dialect(cls, dialect: Dialect) -> CallBeginning | None:
        """Return the beginning of the calls that a dialect itself writes as text.

        None if a chat template writes the calls, or if the beginning of a reply does not show a call.
        """
        texts = reply_texts(dialect)
        marks = None if texts is None else CallMarks.between(*texts)
        return None if marks is None else cls(marks)

    def goes_on(self, text: str) -> bool:
        """Return whether a text is a beginning of a mark, or begins with a mark. The empty text is neither."""
        return self._leads_to(self._marks, text)

    def _leads_to(self, goals: Sequence[str], text: str) -> bool:
        leads = any(text.startswith(goal) or goal.startswith(text) for goal in goals)
        return bool(text) and leads and self.thought(text) is None

    def usual(self, text: str) -> bool:
        """Return whether a text begins like every call that the dialect writes."""
        return text.startswith(self._call)

    def opened(self, text: str) -> bool:
        """Return whether a text begins with a call."""
        return text.startswith(self._marks) and self.thought(text) is None

    def answers(self, text: str) -> bool:
        """Return whether an answer can begin with this text, and then go on."""
        return any(answer.startswith(text) for answer in self._answers)

    def undecided(self, text: str) -> bool:
        """Return whether a text can still become a call, and also something else. The empty text is undecided."""
        return not self.opened(text) and any(mark.startswith(text) for mark in (*self._marks, *THOUGHTS))

    @staticmethod
    def thought(text: str) -> str | None:
        """Return the closing mark of the thought at the beginning of a text. None if there is no thought."""
        return next((closing for opening, closing in THOUGHTS.items() if text.startswith(opening)), None)
