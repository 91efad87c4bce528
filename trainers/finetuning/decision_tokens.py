"""Finds the tokens of a reply that decide between a call and an answer, and the tokens that choose the tool.

Only a few tokens of a reply make these decisions. In a mean over all tokens, these deciding tokens have little weight.
So a trainer can give the deciding tokens a larger loss weight (`--decision-weight`).

The deciding tokens are found by comparing token ids. This works in every dialect. There are two kinds of replies:

- Call: the reply begins like a call of an offered tool, up to the end of the tool's name. The first deciding token is
  the first token that differs from every answer. The other deciding tokens are the tokens of the tool's name, and the
  next token, which ends the name.
- Answer: every other reply. The deciding token is the first token that differs from every call.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from toolmark.benchmark.core.common_beginning import common_beginning
from toolmark.benchmark.data.cases import Call, Message, Tool
from toolmark.benchmark.engine.encoding import encode

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from toolmark.benchmark.config.template_args import TemplateArgs
    from toolmark.benchmark.dialects import Dialect
    from toolmark.benchmark.engine.encoding import Encoded

__all__ = ["DecisionTokens"]

_ASKED = Message(role="user", content="probe")
_ANSWERS = ("one", "2, 3")
_NAMES = ("a", "b2")
_ARGUMENTS: tuple[dict[str, int], ...] = ({}, {"probe": 1})


class DecisionTokens:
    """Finds the deciding tokens of replies in one dialect.

    Args:
        dialect: The dialect of the replies.
        tokenizer: The tokenizer of the base, with a chat template.
        template_args: Arguments of the chat template.
    """

    def __init__(
        self, dialect: Dialect, tokenizer: PreTrainedTokenizerBase, template_args: TemplateArgs | None = None
    ) -> None:
        self._dialect, self._tokenizer, self._template_args = dialect, tokenizer, template_args or {}
        self._answer = _beginning(self._written(Message(role="assistant", content=text)) for text in _ANSWERS)
        self._call: list[int] | None = None
        self._named: dict[str, list[int]] = {}

    def of(self, encoded: Encoded, tools: Sequence[Tool]) -> frozenset[int]:
        """Return the deciding tokens of all supervised turns. In a turn with several calls, only the first call counts.

        Returns:
            Indices into `encoded.ids`.

        Raises:
            InputError: The chat template cannot write a call.
        """
        if not tools:
            return frozenset()
        if self._call is None:
            self._call = _beginning(self._begun(name) for name in _NAMES)
        begun = [self._begun(tool.name) for tool in tools]
        found: set[int] = set()
        for start, reply in encoded.turns():
            named = max((len(ids) for ids in begun if common_beginning(reply, ids) == len(ids)), default=None)
            leaves = common_beginning(reply, self._call)
            if named is None:
                found.add(start + leaves)
            else:
                found |= {start + common_beginning(reply, self._answer), *range(start + leaves, start + named + 1)}
        return frozenset(found)

    def _begun(self, name: str) -> list[int]:
        """Return the ids with which every call of a tool begins, up to the end of the tool's name."""
        if name not in self._named:
            calls = (Call(name=name, arguments=given) for given in _ARGUMENTS)
            ids = _beginning(self._written(Message(role="assistant", tool_calls=(call,))) for call in calls)
            said = [str(self._tokenizer.decode(ids[:end])).count(name) for end in range(len(ids) + 1)]
            self._named[name] = ids[: said.index(said[-1])]  # the text before the name can contain the name too
        return self._named[name]

    def _written(self, reply: Message) -> list[int]:
        tools = [Tool(name=call.name) for call in reply.tool_calls]
        prompt = replace(self._dialect.render((_ASKED,), tools), template_args=self._template_args)
        ((_, ids),) = encode(prompt, self._tokenizer, self._dialect.render((_ASKED, reply), tools).messages[-1]).turns()
        return ids


def _beginning(replies: Iterable[list[int]]) -> list[int]:
    """Return the ids that are equal at the beginning of the two replies."""
    one, other = replies
    return one[: common_beginning(one, other)]
