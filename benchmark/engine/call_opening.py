"""Finds the tokens with which a call opens in one dialect.

The *mark* of a dialect is the shortest beginning of its calls with which no answer and no thought begins. For example,
calls of `tagged` begin with `<tool_call>` and answers begin with `<final_answer>`, but some models write `<think>`. So
the mark is `<to`. In `json`, the mark is `{`. The mark is text, because tokenizers cut the same text differently.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolmark.benchmark.core.common_beginning import common_beginning
from toolmark.benchmark.dialects.thinking import MARKS, without_thinking
from toolmark.benchmark.engine.reply_beginnings import ReplyBeginnings

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from toolmark.benchmark.config.template_args import TemplateArgs
    from toolmark.benchmark.dialects import Dialect

__all__ = ["CallOpening", "call_mark"]

_SPACES = str.maketrans({"Ġ": " ", "▁": " ", "Ċ": "\n", "ĉ": "\t"})
"""How tokenizers write white-space in the names of tokens. Other characters of a name can differ from the text of the
token, but a mark contains only characters that are the same in both."""


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


class CallOpening:
    """Decides for each token whether it opens a call, given the text before it.

    The text before a token is the text after all thoughts, without white-space at its beginning.

    Args:
        call: The text with which every call begins.
        answer: The text with which every answer begins. It can be empty.
        mark: The result of `call_mark` for these two texts.
        tokenizer: The tokenizer.
    """

    def __init__(self, call: str, answer: str, mark: str, tokenizer: PreTrainedTokenizerBase) -> None:
        self._call, self._answer, self._mark = call, answer, mark
        added = tokenizer.get_added_vocab()
        self._texts = {
            token: name if name in added else name.translate(_SPACES) for name, token in tokenizer.get_vocab().items()
        }
        self._leading: dict[tuple[str, str], list[int]] = {}

    @classmethod
    def of(
        cls, dialect: Dialect, tokenizer: PreTrainedTokenizerBase, template_args: TemplateArgs | None = None
    ) -> CallOpening | None:
        """Return the opening of the calls of a dialect. None if the beginning of a reply does not show a call.

        Raises:
            InputError: The chat template cannot write a call.
        """
        replies = ReplyBeginnings(dialect, tokenizer, template_args)
        call, answer = (without_thinking(text).lstrip() for text in (replies.call_text, replies.answer_text))
        mark = call_mark(call, answer)
        return None if mark is None else cls(call, answer, mark, tokenizer)

    def after(self, before: str, token: int) -> str:
        """Return the text after one more token."""
        return (before + self._texts.get(token, "")).lstrip()

    def openers(self, before: str) -> list[int]:
        """Return the tokens with which a call can begin or continue after the text `before`.

        After each of these tokens, the text is a beginning of the mark, or begins with the mark.
        """
        return self._leading_to(self._mark, before)

    def usual_openers(self, before: str) -> list[int]:
        """Return the tokens with which a call goes on in the way in which the dialect writes calls. See `openers`."""
        return self._leading_to(self._call, before)

    def _leading_to(self, goal: str, before: str) -> list[int]:
        if (goal, before) not in self._leading:
            after = ((token, (before + text).lstrip()) for token, text in self._texts.items() if text)
            self._leading[goal, before] = [
                token
                for token, text in after
                if text and (text.startswith(goal) or goal.startswith(text)) and self.thought(text) is None
            ]
        return self._leading[goal, before]

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
        """Return whether a text can become a call and something else. The empty text is undecided."""
        return not self.opened(text) and any(mark.startswith(text) for mark in (self._mark, *MARKS))

    @staticmethod
    def thought(text: str) -> str | None:
        """Return the mark that closes the thought with which a text begins. None if there is no thought."""
        return next((closing for opening, closing in MARKS.items() if text.startswith(opening)), None)
