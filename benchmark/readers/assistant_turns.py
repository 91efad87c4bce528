"""Brings the assistant turns of foreign conversations into one form.

- Calls that are written as text become calls.
- Neighbouring assistant turns become one turn, because a model writes one reply.
- The nulls that a table added to the arguments are deleted. See `table_fillers.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from toolmark.benchmark.data.cases import Message, Toolbox
from toolmark.benchmark.readers.table_fillers import without_fillers
from toolmark.benchmark.readers.written_calls import text_and_calls

__all__ = ["assistant_turns"]


def assistant_turns(messages: Sequence[Message], toolbox: Toolbox) -> tuple[Message, ...]:
    """Return the turns of a conversation, after the changes that the docstring of this module lists.

    Raises:
        ValueError: A call in a text cannot be read, or neighbouring assistant turns have different weights.
    """
    turns: list[Message] = []
    for message in messages:
        turn = _read(message, toolbox) if message.role == "assistant" else message
        if turns and turn.role == turns[-1].role == "assistant":
            turns[-1] = _joined(turns[-1], turn)
        else:
            turns.append(turn)
    return tuple(turns)


def _read(message: Message, toolbox: Toolbox) -> Message:
    text, written = text_and_calls(message.content, toolbox.names)
    if written and message.tool_calls:
        raise ValueError(f"a turn has calls both in its text and in a field: {message.content!r:.80}")
    calls = tuple(without_fillers(call, toolbox) for call in message.tool_calls or written)
    if text == message.content and calls == message.tool_calls:
        return message
    return message.model_copy(update={"content": text, "tool_calls": calls})


def _joined(first: Message, second: Message) -> Message:
    if first.weight != second.weight:
        raise ValueError("neighbouring turns of the assistant have different weights")
    text = "\n".join(filter(None, (first.content, second.content)))
    return first.model_copy(update={"content": text, "tool_calls": (*first.tool_calls, *second.tool_calls)})
