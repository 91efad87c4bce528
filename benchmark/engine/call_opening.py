"""Finds the tokens with which a call opens in one dialect."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import TYPE_CHECKING

from toolmark.benchmark.dialects.thinking import without_thinking
from toolmark.benchmark.engine.call_beginning import CallBeginning, CallMarks
from toolmark.benchmark.engine.reply_beginnings import ReplyBeginnings

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from toolmark.benchmark.config.template_args import TemplateArgs
    from toolmark.benchmark.dialects import Dialect

__all__ = ["CallOpening"]

_SPACES = str.maketrans({"Ġ": " ", "▁": " ", "Ċ": "\n", "ĉ": "\t"})
"""How tokenizers write white-space in the names of tokens. Other characters of a name can differ from the text of the
token, but a mark contains only characters that are the same in both."""


class CallOpening(CallBeginning):
    """Decides for each token whether it opens a call, given the text before it.

    The text before a token is the text after all thoughts, without white-space at its beginning.

    Args:
        marks: The texts that tell calls from answers.
        tokenizer: The tokenizer.
    """

    def __init__(self, marks: CallMarks, tokenizer: PreTrainedTokenizerBase) -> None:
        super().__init__(marks)
        added = tokenizer.get_added_vocab()
        self._texts = {
            token: name if name in added else name.translate(_SPACES) for name, token in tokenizer.get_vocab().items()
        }
        self._by_first: dict[str, list[int]] = defaultdict(list)
        for token, text in self._texts.items():
            self._by_first[text[:1]].append(token)
        self._leading: dict[tuple[tuple[str, ...], str], list[int]] = {}

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
        marks = CallMarks.between(call, answer)
        return None if marks is None else cls(marks, tokenizer)

    def piece(self, token: int) -> str:
        """Return the text of a token. Characters that no mark contains can differ from the decoded text."""
        return self._texts.get(token, "")

    def after(self, before: str, token: int) -> str:
        """Return the text after one more token."""
        return (before + self.piece(token)).lstrip()

    def openers(self, before: str) -> list[int]:
        """Return the tokens with which a call can begin or continue after the text `before`.

        After each of these tokens, the text begins with a mark. Or it is a beginning of a mark, and other tokens lead
        from there to the mark.
        """
        return self._leading_to(self._marks, before)

    def every_opener(self) -> list[int]:
        """Return the tokens that `openers` returns for any text. Those after a shorter text come first."""
        texts = sorted({mark[:length] for mark in self._marks for length in range(len(mark))}, key=len)
        return list(dict.fromkeys(token for text in texts for token in self.openers(text)))

    def usual_openers(self, before: str) -> list[int]:
        """Return those tokens of `openers` that lead to a call in the form in which the dialect writes calls."""
        return self._leading_to((self._call,), before)

    def _leading_to(self, goals: tuple[str, ...], before: str) -> list[int]:
        if (goals, before) not in self._leading:
            self._leading[goals, before] = [
                token
                for token in self._possible(goals, before)
                if self._leads_to(goals, text := self.after(before, token))
                and (text.startswith(goals) or self._leading_to(goals, text))
            ]
        return self._leading[goals, before]

    def _possible(self, goals: tuple[str, ...], before: str) -> Collection[int]:
        """Return the tokens that can lead from a text to a goal, and perhaps others."""
        if not before or before.startswith(goals):
            return [token for token, text in self._texts.items() if text]
        following = {goal[len(before)] for goal in goals if goal.startswith(before)}
        return [token for first in following for token in self._by_first[first]]
