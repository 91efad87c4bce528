"""Training conversations: system, user, call, tool result, final answer, with the tools that were offered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from toolmark.benchmark.data.cases import Case, Frozen, Message, Tool, Toolbox

__all__ = ["QueryType", "Trace"]

QueryType = Literal["easy", "hard", "no_tool", "no_tool_fits", "missing_argument", "already_answered"]


class Trace(Frozen):
    """One full conversation.

    Every assistant turn is something a model should learn to write; everything else is what it will see. `case` holds
    the question of this conversation with its gold, where the maker of the trace knows it; `line` is where it stands in
    the file that it was read from.
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
        """Each assistant turn with all that precedes it, in order."""
        for index, message in enumerate(self.messages):
            if message.role == "assistant":
                yield self.messages[:index], message
