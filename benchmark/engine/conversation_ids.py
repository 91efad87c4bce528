"""A whole conversation as token ids, with a mask of what a model must learn to write in it.

A conversation with a call, a result and an answer holds two turns to learn; the ids up to the first are a prefix of the
ids up to the second, so both are learnt from one sequence and the tool list is read once. Where a turn's ids do not
extend the ones before (a template may rewrite history), a new sequence begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolmark.benchmark.engine.encoding import Encoded, check_readable, encode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from transformers import PreTrainedTokenizerBase

    from toolmark.benchmark.data.cases import Message, Tool
    from toolmark.benchmark.dialects import Dialect

__all__ = ["conversation_sequences"]


def conversation_sequences(
    messages: Sequence[Message], tools: Sequence[Tool], dialect: Dialect, tokenizer: PreTrainedTokenizerBase
) -> Iterator[Encoded]:
    """Encode every assistant turn of a conversation, in as few sequences as hold them all.

    Yields:
        Ids of prompt and reply; supervised are the assistant's turns, each with its stop token.

    Raises:
        InputError: As `encode` and `check_readable`: the tokenizer's template cannot tell the conversation.
    """
    open_sequence: Encoded | None = None
    for index, message in enumerate(messages):
        if message.role != "assistant":
            continue
        prompt = dialect.render(messages[:index], tools)
        if message.tool_calls:
            check_readable(prompt, tokenizer, dialect)
        turn = encode(prompt, tokenizer, dialect.render(messages[: index + 1], tools).messages[-1])
        if open_sequence is not None:
            known = len(open_sequence.ids)
            if turn.ids[:known] == open_sequence.ids:
                turn = Encoded(turn.ids, open_sequence.supervised + turn.supervised[known:])
            else:
                yield open_sequence
        open_sequence = turn
    if open_sequence is not None:
        yield open_sequence
