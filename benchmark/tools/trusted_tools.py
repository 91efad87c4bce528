"""Decides which implementation is allowed to run the calls of a tool.

Cases, datasets and recordings are data. A user possibly downloaded the data from somewhere. A tool in the data can name
code in its field `run`. By default, this code is not trusted, and not imported. Instead, a call of the tool runs one of
two kinds of trusted tools:

- a tool of the catalog, if the tool in the data has exactly the same `run`
- a tool that the user named, for example with `--tools`, if the tool in the data has the same name and the same names
  of arguments

In both cases, the `run`, the schema and the effects of the trusted tool are used, and not those in the data.

With the option `--trust-data-tools`, the user trusts the code that the data names, too. If there is no trusted tool of
the two kinds, the tool in the data is then run with its own `run`, schema and effects.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from toolmark.benchmark.core.printing import printable
from toolmark.benchmark.core.secrets import remember_command
from toolmark.benchmark.tools.catalog import catalog
from toolmark.benchmark.tools.implementations import is_remote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from toolmark.benchmark.data.cases import Tool

__all__ = ["TRUSTED", "TrustedTools", "same_arguments", "untrusted_note"]

TRUSTED = (
    "--trust-data-tools: Toolmark imports and runs the code named in the case files and in the tools.yaml beside them"
)
"""The line that is printed for the option `--trust-data-tools`."""

_MOST_NAMES = 3
_LONGEST_SOURCE = 200


def same_arguments(one: Tool, other: Tool) -> bool:
    """Return whether two tools have arguments with the same names. Types are not compared."""
    return _argument_names(one) == _argument_names(other)


def _argument_names(tool: Tool) -> list[str]:
    return sorted(tool.properties)


@cache
def _catalog_by_run() -> Mapping[str | None, Tool]:
    return {tool.run: tool for tool in catalog().tools}


class TrustedTools:
    """The tools whose implementations are allowed to be imported: the catalog, and the tools that the user named.

    Args:
        named: The tools that the user named.
        data: Whether it is also allowed to import the implementations of tools in the data.
    """

    def __init__(self, named: Iterable[Tool] = (), *, data: bool = False) -> None:
        self._data = data
        self._named = {tool.name: tool for tool in named if tool.run is not None}
        for tool in self._named.values():
            if is_remote(str(tool.run)):
                remember_command(str(tool.run).rpartition(":")[0])

    def of(self, tool: Tool) -> Tool | None:
        """Return the trusted tool that runs the calls of `tool`.

        Return None if `tool` has no implementation, or an implementation that is not trusted.
        """
        if tool.run is None:
            return None
        own = self._named.get(tool.name)
        if own is not None and same_arguments(tool, own):
            return own
        return _catalog_by_run().get(tool.run) or (tool if self._data else None)


def untrusted_note(tools: Iterable[Tool]) -> str | None:
    """Return a line for the user about tools that are not run, because their implementations are not trusted.

    Args:
        tools: The tools that are not run.

    Returns:
        The line, with escaped control characters. None if there are no tools.
    """
    sources = {tool.name: str(tool.run).rpartition(":")[0] for tool in tools}
    if not sources:
        return None
    names = ", ".join(list(sources)[:_MOST_NAMES]) + (", …" if len(sources) > _MOST_NAMES else "")
    # The command line of a server can contain a key, so it is not shown.
    first = next((source for source in sources.values() if not is_remote(f"{source}:tool")), "SOURCE")
    count = f"{len(sources)} tool{'' if len(sources) == 1 else 's'}"
    return printable(
        f"{count} in the data ({names}) cannot be run, because --tools does not name them. Their calls are only "
        f"checked against the schema. To run them, if you trust their code: --tools {first[:_LONGEST_SOURCE]} "
        "(or --trust-data-tools for all code that the data names)"
    ).replace("\n", "\\n")
