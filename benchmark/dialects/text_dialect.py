"""The base class of dialects that write tools, calls and results as text, and read calls from text.

The prompt consists of plain turns, for a chat template that does not support tools. The tools are written at the end of
the system turn. Calls become text of the assistant, and results become user turns. Consecutive turns of the same role
are joined, because many templates require that the roles alternate.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from toolmark.benchmark.data.cases import Call, Message, Tool
from toolmark.benchmark.data.completions import Completion, ParsedCompletion, Prompt
from toolmark.benchmark.dialects import BaseDialect
from toolmark.benchmark.dialects.parsing import Grammar

__all__ = ["TextDialect"]


class TextDialect(BaseDialect, ABC):
    """A dialect that needs no support of the chat template.

    Attributes:
        grammar: How the calls of a completion are read.
    """

    grammar: ClassVar[Grammar]

    @abstractmethod
    def instructions(self, tools: Sequence[Tool]) -> str:
        """Return the text at the end of the system turn. It shows at least one tool."""

    @abstractmethod
    def write_calls(self, calls: Sequence[Call]) -> str:
        """Return at least one call as text.

        Raises:
            InputError: A call cannot be written in this dialect.
        """

    def write_reply(self, message: Message) -> str:
        """Return an assistant turn as text: the content, and then the calls on a new line. Both can be empty."""
        calls = self.write_calls(message.tool_calls) if message.tool_calls else ""
        return "\n".join(filter(None, (message.content, calls)))

    def write_result(self, message: Message) -> str:
        """Return a tool turn as text."""
        return f"Result of {message.name}: {message.content}" if message.name else f"Result: {message.content}"

    def render(self, messages: Sequence[Message], tools: Sequence[Tool]) -> Prompt:
        """Return the system turn with the tools, and the turns of the user and the assistant.

        Raises:
            InputError: A tool or a call cannot be written in this dialect.
        """
        system = [message.content for message in messages if message.role == "system"]
        if tools:
            system.append(self.instructions(tools))
        text = "\n\n".join(system).strip()
        turns = [Message(role="system", content=text)] if text else []
        for message in messages:
            match message.role:
                case "system":
                    continue
                case "assistant":
                    turn = Message(role="assistant", content=self.write_reply(message))
                case "tool":
                    turn = Message(role="user", content=self.write_result(message))
                case "user":
                    turn = Message(role="user", content=message.content)
            if turns and turns[-1].role == turn.role:
                turn = Message(role=turn.role, content=f"{turns.pop().content}\n{turn.content}")
            turns.append(turn)
        return Prompt(tuple(turns))

    def parse(self, completion: Completion, *, strict: bool) -> ParsedCompletion:
        """Read the calls of a completion. No text of a model causes an exception."""
        return self.grammar.parse(completion, strict=strict)
