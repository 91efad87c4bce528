"""Reads tools from files, Python modules and servers. Each module reads one format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from toolmark.benchmark.data.cases import Tool

__all__ = ["ToolsFile"]


@dataclass(frozen=True)
class ToolsFile:
    """The tools and toolboxes of a source.

    Attributes:
        tools: The tools, in order.
        toolboxes: The names of the tools in each toolbox. The key is the name of the toolbox.
        places: Where tools and arguments are defined, as `file:line`. The key is (tool,) for a tool, and (tool,
            argument) for an argument.
        left_out: One line for each part of the source that cannot be a tool, with the reason.
    """

    tools: tuple[Tool, ...]
    toolboxes: dict[str, tuple[str, ...]]
    places: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    def place(self, *names: str) -> str:
        """Return where a tool or an argument is defined.

        If the place of an argument is not known, return the place of its tool. If this place is also not known, return
        the name of the tool.
        """
        return self.places.get(names) or self.places.get(names[:1]) or names[0]
