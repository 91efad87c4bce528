"""Writes a conversation with tools as plain turns, for a chat template that does not support tools.

The tools are written at the end of the system turn. Calls become text of the assistant, and results become user turns.
Consecutive turns of the same role are joined, because many templates require that the roles alternate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from toolmark.benchmark.data.cases import Message
from toolmark.benchmark.data.completions import Prompt

__all__ = ["content_and_calls", "plain_turns"]


def content_and_calls(content: str, calls: str) -> str:
    """Return the text of an assistant turn: the content, then the calls on a new line. Both can be empty."""
    return "\n".join(filter(None, (content, calls)))


def plain_turns(
    messages: Sequence[Message],
    instructions: str,
    write_assistant: Callable[[Message], str],
    write_result: Callable[[Message], str],
) -> Prompt:
    """Return `messages` as a prompt of system, user and assistant turns.

    Args:
        messages: The conversation. An assistant turn can have calls, and a tool turn has one result.
        instructions: The dialect's text about the offered tools. Empty if no tool is offered.
        write_assistant: Function that returns an assistant turn as text, with the calls of the turn.
        write_result: Function that returns a tool turn as text.
    """
    system = "\n\n".join([message.content for message in messages if message.role == "system"] + [instructions]).strip()
    turns = [Message(role="system", content=system)] if system else []
    for message in messages:
        match message.role:
            case "system":
                continue
            case "assistant":
                turn = Message(role="assistant", content=write_assistant(message))
            case "tool":
                turn = Message(role="user", content=write_result(message))
            case "user":
                turn = Message(role="user", content=message.content)
        if turns and turns[-1].role == turn.role:
            turn = Message(role=turn.role, content=f"{turns.pop().content}\n{turn.content}")
        turns.append(turn)
    return Prompt(tuple(turns))
