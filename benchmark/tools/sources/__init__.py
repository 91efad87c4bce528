"""Reads tools from files, Python modules and servers. Each module reads one format.

A file or server of somebody else can contain parts that cannot be tools. These parts are left out, each with a note,
and the other tools are used. If all parts were left out, this is an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import Tool

__all__ = ["GoodTools", "LocatedError", "SourceNote", "ToolsFile"]

_MOST_FAULTS = 10
"""Highest number of parts of a source for which an error gives the reason."""


class LocatedError(InputError):
    """An error in a source of tools.

    Attributes:
        place: Where the error is, for example as `file:line`.
        reason: What is wrong, without the place.
    """

    def __init__(self, place: str, reason: str, fix: str) -> None:
        super().__init__(f"{place}: {reason}", fix)
        self.place = place
        self.reason = reason


@dataclass(frozen=True, slots=True)
class SourceNote:
    """A note for the user about a part of a source. For example, the part is not offered as a tool.

    Attributes:
        place: Where the part is, for example as `file:line`.
        what: What is wrong or unusual, with the value.
        fix: What was done about the part, and what the user can do.
    """

    place: str
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}. {self.fix}"


@dataclass(frozen=True)
class ToolsFile:
    """The tools and toolboxes of a source.

    Attributes:
        tools: The tools, in order.
        toolboxes: The names of the tools in each toolbox. The key is the name of the toolbox.
        places: Where tools and arguments are defined, as `file:line`. The key is `(tool,)` for a tool, and `(tool,
            argument)` for an argument.
        notes: A note for each part of the source that cannot be a tool, or that was changed.
    """

    tools: tuple[Tool, ...]
    toolboxes: dict[str, tuple[str, ...]]
    places: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    notes: tuple[SourceNote, ...] = ()

    def place(self, *names: str) -> str:
        """Return where a tool or an argument is defined.

        If the place of an argument is not known, return the place of its tool. If this place is also not known, return
        the name of the tool.
        """
        return self.places.get(names) or self.places.get(names[:1]) or names[0]


class GoodTools:
    """Collects the tools of a source that can be used, and notes about the parts that cannot be tools.

    Attributes:
        tools: The tools by name, in order.
        notes: The notes. There is also a note for a part that was changed.
    """

    def __init__(self) -> None:
        self.tools: dict[str, Tool] = {}
        self.notes: list[SourceNote] = []
        self._faults: list[LocatedError] = []
        self._places: dict[str, str] = {}

    @contextmanager
    def one(self) -> Iterator[None]:
        """If a `LocatedError` is raised in the `with` block, leave out this part of the source, and add a note."""
        try:
            yield
        except LocatedError as error:
            self._faults.append(error)
            self.notes.append(SourceNote(error.place, error.reason, f"It is not offered as a tool. {error.fix}"))

    def add(self, tool: Tool, place: str) -> None:
        """Add a tool whose name is at `place`.

        Raises:
            LocatedError: There is already a tool with this name.
        """
        if tool.name in self.tools:
            reason = f"a tool named {tool.name!r} appears twice: here and at {self._places[tool.name]}"
            raise LocatedError(place, reason, "Rename one of the two tools.")
        self.tools[tool.name] = tool
        self._places[tool.name] = place

    def check(self) -> None:
        """Check that at least one part of the source is left.

        Raises:
            InputError: Every part was left out. The error contains the reasons for the first parts.
        """
        if self._faults and not self.tools:
            *others, last = self._faults[:_MOST_FAULTS]
            listed = "".join(f"{error}\n" for error in others)
            wrong = len(self._faults)
            fix = f"{last.fix} In total, {wrong:,} parts are wrong." if wrong > _MOST_FAULTS else last.fix
            raise LocatedError(f"{listed}{last.place}", last.reason, fix)
