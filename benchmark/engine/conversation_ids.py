"""Encodes a whole conversation as token ids, with a mask of the tokens that a model must learn to write.

A conversation with a call, a result and an answer has two turns to learn: the call and the answer. Usually, the ids
of the conversation up to the end of the call are a prefix of its ids up to the end of the answer. Then one sequence
contains both turns, and the tool list occurs only once. But some templates change earlier turns when a turn is added.
Then the answer gets its own sequence, which contains the whole conversation again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from toolmark.benchmark.engine.encoding import Encoded, check_readable, encode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from transformers import PreTrainedTokenizerBase

    from toolmark.benchmark.config.template_args import TemplateArgs
    from toolmark.benchmark.data.cases import Message, Tool
    from toolmark.benchmark.dialects import Dialect

__all__ = ["conversation_sequences"]


def conversation_sequences(
    messages: Sequence[Message],
    tools: Sequence[Tool],
    dialect: Dialect,
    tokenizer: PreTrainedTokenizerBase,
    template_args: TemplateArgs | None = None,
) -> Iterator[Encoded]:
    """Encode a conversation in as few sequences as possible, so that a model can learn its assistant turns. Turns with
    the weight 0 are not learnt.

    Yields:
        Sequences in which the assistant turns and their stop tokens are supervised.

    Raises:
        InputError: The errors of `encode` and `check_readable`. For example, the chat template cannot render the
            conversation.
    """
    open_sequence: Encoded | None = None
    for index, message in enumerate(messages):
        if message.role != "assistant" or not message.weight:
            continue
        prompt = replace(dialect.render(messages[:index], tools), template_args=template_args or {})
        if message.tool_calls:
            check_readable(prompt, tokenizer, dialect)
        turn = encode(prompt, tokenizer, dialect.render(messages[: index + 1], tools).messages[-1])
        if open_sequence is not None:
            before = len(open_sequence.ids)
            if turn.ids[:before] == open_sequence.ids:
                turn = Encoded(turn.ids, open_sequence.supervised + turn.supervised[before:])
            else:
                yield open_sequence
        open_sequence = turn
    if open_sequence is not None:
        yield open_sequence
