"""Reading tools from different sources as `toolmark.benchmark.data.cases.Tool` objects.

Each module reads one format.
"""

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
        toolboxes: Tool names by toolbox name.
        places: The known places, as `file:line`. The key is (tool,) for a tool, and (tool, argument) for an argument.
        left_out: Lines about the parts of the source that cannot be tools. Each line contains the reason.
    """

    tools: tuple[Tool, ...]
    toolboxes: dict[str, tuple[str, ...]]
    places: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    def place(self, *names: str) -> str:
        """The place of a tool or argument. If the argument's place is not known, the place of the tool is returned."""
        return self.places.get(names) or self.places.get(names[:1]) or names[0]
