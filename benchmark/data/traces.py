"""Traces, which are training conversations (system, user, call, tool result, final answer) with the offered tools."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from toolmark.benchmark.data.cases import Case, Frozen, Message, Tool, Toolbox

__all__ = ["QueryType", "Trace"]

QueryType = Literal["easy", "hard", "no_tool", "no_tool_fits", "missing_argument", "already_answered"]


class Trace(Frozen):
    """One full conversation.

    A model should learn to write every assistant turn. All other turns are the model's input.

    Attributes:
        messages: The turns.
        toolbox: The tools offered.
        query: The user's question.
        query_type: Kind of the question.
        tool_name: The tool that is called. None if no tool is called.
        source: The collection that contains the trace.
        case: The question as a case with its expected answer. None if the expected answer is not known.
        line: The line of the file from which the trace was read. None if the trace was not read from a file.
    """

    messages: tuple[Message, ...] = Field(min_length=2)
    toolbox: Toolbox
    query: str
    query_type: QueryType
    tool_name: str | None = None
    source: str
    case: Case | None = None
    line: int | None = None

    @property
    def tools(self) -> tuple[Tool, ...]:
        """The tools offered."""
        return self.toolbox.tools

    def turns_to_learn(self) -> Iterator[tuple[tuple[Message, ...], Message]]:
        """Each assistant turn together with all turns before it, in order."""
        for index, message in enumerate(self.messages):
            if message.role == "assistant":
                yield self.messages[:index], message
