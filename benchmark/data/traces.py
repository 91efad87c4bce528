"""Defines traces. A trace is a training conversation (user, call, tool result, final answer) with the offered tools."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from toolmark.benchmark.data.cases import Case, Message, Tool, Toolbox
from toolmark.benchmark.data.frozen import Frozen
from toolmark.benchmark.data.scenarios import Scenario

__all__ = ["QueryType", "Trace"]

QueryType = Literal["easy", "hard", "no_tool", "no_tool_fits", "missing_argument", "already_answered"]


class Trace(Frozen):
    """One full conversation. In training, a model learns to write the assistant turns whose weight is not 0.

    Attributes:
        messages: The turns.
        toolbox: The tools that are offered in the conversation.
        query: The question of the user.
        query_type: Kind of the question.
        tool_name: Name of the tool that is called. None if no tool is called.
        source: Name of the collection that contains the trace.
        case: The question as a case with the expected answer. None if the expected answer is not known.
        scenario: The conversation as a scenario with its demands, if it has several turns in a world. Otherwise None.
        line: Number of the line in the file that contains the trace. None if the trace was not read from a file.
    """

    messages: tuple[Message, ...] = Field(min_length=2)
    toolbox: Toolbox
    query: str
    query_type: QueryType
    tool_name: str | None = None
    source: str
    case: Case | None = None
    scenario: Scenario | None = None
    line: int | None = None

    @property
    def tools(self) -> tuple[Tool, ...]:
        """Return the offered tools."""
        return self.toolbox.tools

    def turns_to_learn(self) -> Iterator[tuple[tuple[Message, ...], Message]]:
        """Yield a pair for each assistant turn that is learnt, in order: all turns before it, and the turn itself."""
        for index, message in enumerate(self.messages):
            if message.role == "assistant" and message.weight:
                yield self.messages[:index], message
