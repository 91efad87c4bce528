"""Decides from the beginning of a reply whether the reply begins with a call.

All calls of a dialect begin with the same text. The *mark* is the shortest beginning of this text that shows a call: no
answer and no thought begins with the mark. For example, calls of `tagged` begin with `<tool_call>` and answers begin
with `<final_answer>`, but some models write `<think>`. So the mark is `<to`. In `json`, the mark is `{`. The mark is
text, because tokenizers cut the same text differently.

All texts are the texts after thoughts, without white-space at their beginning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolmark.benchmark.core.common_beginning import common_beginning
from toolmark.benchmark.dialects.thinking import MARKS
from toolmark.benchmark.engine.reply_beginnings import reply_texts

if TYPE_CHECKING:
    from toolmark.benchmark.dialects import Dialect

__all__ = ["CallBeginning", "call_mark"]


def call_mark(call: str, answer: str) -> str | None:
    """Return the text that shows that a reply begins with a call. None if an answer in words can begin in the same way.

    Args:
        call: The text with which every call begins, after thoughts and white-space.
        answer: The text with which every answer begins, after thoughts and white-space.
    """
    shared = common_beginning(call, answer)
    if shared == len(call):
        return None
    # In some dialects, a call can begin like `[THINK]` up to the name of the tool. Such a thought needs its own token.
    thoughts = (common_beginning(call, thought) for thought in MARKS)
    return call[: 1 + max(shared, *(length for length in thoughts if length < len(call)), 0)]


class CallBeginning:
    """Decides whether a text begins with a call.

    Args:
        call: The text with which every call begins.
        answer: The text with which every answer begins. It can be empty.
        mark: The result of `call_mark` for these two texts.
    """

    def __init__(self, call: str, answer: str, mark: str) -> None:
        self._call, self._answer, self._mark = call, answer, mark

    @classmethod
    def of_dialect(cls, dialect: Dialect) -> CallBeginning | None:
        """Return the beginning of the calls that a dialect itself writes as text.

        None if a chat template writes the calls, or if the beginning of a reply does not show a call.
        """
        texts = reply_texts(dialect)
        mark = None if texts is None else call_mark(*texts)
        return None if texts is None or mark is None else cls(*texts, mark)

    def goes_on(self, text: str) -> bool:
        """Return whether a text is a beginning of the mark, or begins with the mark. The empty text is neither."""
        return self._leads_to(self._mark, text)

    def _leads_to(self, goal: str, text: str) -> bool:
        return bool(text) and (text.startswith(goal) or goal.startswith(text)) and self.thought(text) is None

    def usual(self, text: str) -> bool:
        """Return whether a text begins like every call that the dialect writes."""
        return text.startswith(self._call)

    def opened(self, text: str) -> bool:
        """Return whether a text begins with a call."""
        return text.startswith(self._mark) and self.thought(text) is None

    def answers(self, text: str) -> bool:
        """Return whether every answer begins with this text."""
        return self._answer.startswith(text)

    def undecided(self, text: str) -> bool:
        """Return whether a text can still become a call, and also something else. The empty text is undecided."""
        return not self.opened(text) and any(mark.startswith(text) for mark in (self._mark, *MARKS))

    @staticmethod
    def thought(text: str) -> str | None:
        """Return the closing mark of the thought at the beginning of a text. None if there is no thought."""
        return next((closing for opening, closing in MARKS.items() if text.startswith(opening)), None)
