"""Finds how replies begin in one dialect: calls, and answers in words.

The beginnings are found by writing probe replies and comparing their token ids. So the beginnings are found in every
dialect, even if the chat template writes the calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from toolmark.benchmark.core.common_beginning import common_beginning
from toolmark.benchmark.data.cases import Call, Message, Tool
from toolmark.benchmark.engine.encoding import encode
from toolmark.benchmark.engine.tokenizer import text_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from toolmark.benchmark.config.template_args import TemplateArgs
    from toolmark.benchmark.dialects import Dialect

__all__ = ["ReplyBeginnings", "reply_texts"]

S = TypeVar("S", list[int], str)

_ASKED = Message(role="user", content="probe")
_ANSWERS = ("one", "2, 3")
_NAMES = ("a", "b2")
_ARGUMENTS: tuple[dict[str, int], ...] = ({}, {"probe": 1})


class ReplyBeginnings:
    """Finds the token ids with which replies begin.

    Every method and property raises `InputError` if the chat template cannot write such a reply.

    Args:
        dialect: The dialect of the replies.
        tokenizer: The tokenizer of the base, with a chat template.
        template_args: Arguments of the chat template.
    """

    def __init__(
        self, dialect: Dialect, tokenizer: PreTrainedTokenizerBase, template_args: TemplateArgs | None = None
    ) -> None:
        self._dialect, self._tokenizer, self._template_args = dialect, tokenizer, template_args or {}
        self._named: dict[str, list[int]] = {}

    @cached_property
    def answer(self) -> list[int]:
        """Return the ids with which every answer in words begins. The list can be empty."""
        return _beginning(self._answers)

    @property
    def answer_text(self) -> str:
        """Return the text with which every answer in words begins. It can be empty."""
        return _beginning(self._text(ids) for ids in self._answers)

    @property
    def call_text(self) -> str:
        """Return the text with which every call begins, whatever tool is called. It can be empty.

        The text can be longer than the text of `call`, because a token can contain the end of this text and the first
        letters of a tool's name.
        """
        return _beginning(self._text(self.call_of(name)) for name in _NAMES)

    @cached_property
    def call(self) -> list[int]:
        """Return the ids with which every call begins, whatever tool is called. The list can be empty."""
        return _beginning(self.call_of(name) for name in _NAMES)

    def call_of(self, name: str) -> list[int]:
        """Return the ids with which every call of a tool begins, up to the end of the tool's name."""
        if name not in self._named:
            calls = (Call(name=name, arguments=given) for given in _ARGUMENTS)
            ids = _beginning(self._written(Message(role="assistant", tool_calls=(call,))) for call in calls)
            said = [str(self._tokenizer.decode(ids[:end])).count(name) for end in range(len(ids) + 1)]
            self._named[name] = ids[: said.index(said[-1])]  # the text before the name can contain the name too
        return self._named[name]

    @cached_property
    def _answers(self) -> list[list[int]]:
        return [self._written(Message(role="assistant", content=text)) for text in _ANSWERS]

    def _text(self, ids: Sequence[int]) -> str:
        return text_of(self._tokenizer, ids)

    def _written(self, reply: Message) -> list[int]:
        tools = [Tool(name=call.name) for call in reply.tool_calls]
        prompt = replace(self._dialect.render((_ASKED,), tools), template_args=self._template_args)
        ((_, ids),) = encode(prompt, self._tokenizer, self._dialect.render((_ASKED, reply), tools).messages[-1]).turns()
        return ids


def reply_texts(dialect: Dialect) -> tuple[str, str] | None:
    """Return the texts with which every call and every answer begins, as the dialect itself writes them.

    None if a chat template writes the calls.
    """

    def written(reply: Message) -> str:
        prompt = dialect.render((_ASKED, reply), [Tool(name=call.name) for call in reply.tool_calls])
        return "" if prompt.messages[-1].tool_calls else prompt.messages[-1].content

    call = _beginning(written(Message(role="assistant", tool_calls=(Call(name=name),))) for name in _NAMES)
    return (call, _beginning(written(Message(role="assistant", content=text)) for text in _ANSWERS)) if call else None


def _beginning(replies: Iterable[S]) -> S:
    """Return the ids or the characters that are equal at the beginning of the two replies."""
    one, other = replies
    return one[: common_beginning(one, other)]
