"""Where tools come from; one foreign form a module, each ending in `toolmark.benchmark.data.cases.Tool` objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from toolmark.benchmark.data.cases import Tool

__all__ = ["ToolsFile"]


@dataclass(frozen=True)
class ToolsFile:
    """What a source offers.

    Attributes:
        tools: In order.
        toolboxes: Lists of tool names.
        places: `file:line` of a tool under (tool,), of an argument under (tool, argument), where known.
        left_out: What is no tool, and why, a line each.
    """

    tools: tuple[Tool, ...]
    toolboxes: dict[str, tuple[str, ...]]
    places: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    def place(self, *names: str) -> str:
        """Where a tool or its argument stands; the tool's place where the argument's is not known."""
        return self.places.get(names) or self.places.get(names[:1]) or names[0]
