"""Plain turns: how a conversation with tools is told to a chat template that knows nothing of tools.

The tool list joins the system turn, calls are written into the assistant's text, results return in a user turn, and
neighbouring turns of one role become one, because many templates insist on alternation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from toolmark.benchmark.data.cases import Message
from toolmark.benchmark.data.completions import Prompt

__all__ = ["plain_turns"]


def plain_turns(
    messages: Sequence[Message],
    instructions: str,
    write_assistant: Callable[[Message], str],
    write_result: Callable[[Message], str],
) -> Prompt:
    """Fold `messages` into system, user and assistant turns.

    Args:
        messages: The conversation; an assistant turn may carry calls, a tool turn carries one result.
        instructions: The dialect's account of the offered tools; empty where none is offered.
        write_assistant: Text of an assistant turn, its calls included.
        write_result: Text of a tool turn.
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
