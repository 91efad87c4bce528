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

from collections.abc import Sequence
from typing import TYPE_CHECKING

from toolmark.benchmark.core.common_beginning import common_beginning
from toolmark.benchmark.engine.reply_beginnings import ReplyBeginnings

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from toolmark.benchmark.config.template_args import TemplateArgs
    from toolmark.benchmark.data.cases import Tool
    from toolmark.benchmark.dialects import Dialect
    from toolmark.benchmark.engine.encoding import Encoded

__all__ = ["DecisionTokens"]


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
        self._beginnings = ReplyBeginnings(dialect, tokenizer, template_args)

    def of(self, encoded: Encoded, tools: Sequence[Tool]) -> frozenset[int]:
        """Return the deciding tokens of all supervised turns. In a turn with several calls, only the tokens of the
        first call are returned.

        Returns:
            Indices into `encoded.ids`.

        Raises:
            InputError: The chat template cannot write a call.
        """
        if not tools:
            return frozenset()
        begun = [self._beginnings.call_of(tool.name) for tool in tools]
        found: set[int] = set()
        for start, reply in encoded.turns():
            named = max((len(ids) for ids in begun if common_beginning(reply, ids) == len(ids)), default=None)
            leaves = common_beginning(reply, self._beginnings.call)
            if named is None:
                found.add(start + leaves)
            else:
                answer = common_beginning(reply, self._beginnings.answer)
                found |= {start + answer, *range(start + leaves, start + named + 1)}
        return frozenset(found)
