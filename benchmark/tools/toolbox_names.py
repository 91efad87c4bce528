"""Finds the tools of a toolbox by the name of the toolbox. For example, a case can contain `"toolbox": "writing"`.

The name is looked up in these sources, in this order. The first source that has a toolbox with this name is used.

1. the `tools.yaml` in the folder of the case file
2. the source of the option `--tools`
3. the catalog

Each source also has a toolbox with all its tools. The name of this toolbox is the name of the source: `my_tools` for
`my_tools.py` or `shop.my_tools`, and `tools` for `tools.yaml`.

A toolbox lists names of tools. A tool is looked up in the source of the toolbox, in the catalog, and in the source of
`--tools`.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.registry import nearest
from toolmark.benchmark.data.cases import Tool, Toolbox
from toolmark.benchmark.tools.catalog import catalog
from toolmark.benchmark.tools.sources import ToolsFile
from toolmark.benchmark.tools.sources.mcp import PREFIX as MCP
from toolmark.benchmark.tools.sources.mcp import read_mcp
from toolmark.benchmark.tools.sources.openapi import read_openapi
from toolmark.benchmark.tools.sources.openapi_files import is_openapi
from toolmark.benchmark.tools.sources.python import read_python
from toolmark.benchmark.tools.sources.python_world import read_world, world_source
from toolmark.benchmark.tools.sources.tools_yaml import read_tools_file

__all__ = ["ToolboxNames", "named_tools", "read_source"]


_MODULE = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")


def read_source(source: str | Path) -> ToolsFile:
    """Return the tools and toolboxes of a source, which is the value of `--tools`.

    Args:
        source: One of these:

            - the path of a `tools.yaml`, an OpenAPI file (`.json` or `.yaml`) or a `.py` file
            - the name of a Python module
            - a world: `my_world.py:World` or `my.module:World`
            - `mcp:` with the address or the command of an MCP server

    Raises:
        InputError: The source cannot be read.
        EnvironmentFault: An MCP server does not answer.
    """
    path = Path(source)
    suffix = path.suffix.lower()
    if str(source).startswith(MCP):
        name, tools_file = "mcp", read_mcp(str(source).removeprefix(MCP))
    elif (world := world_source(str(source))) is not None:
        name, tools_file = world[1], read_world(*world)
    elif "://" in str(source):
        raise InputError(
            f"{source} is an address, not a source of tools",
            f"Download the file first: curl -O {shlex.quote(str(source))}. For an MCP server, write mcp:{source}",
        )
    elif suffix in (".yaml", ".yml", ".json"):
        name, tools_file = path.stem, read_openapi(path) if is_openapi(path) else read_tools_file(path)
    elif suffix != ".py" and (path.is_file() or _MODULE.fullmatch(str(source)) is None):
        raise InputError(
            f"{str(source)!r} is not a source of tools",
            "Give a file that ends in .py, .yaml, .yml or .json, the name of a module, or mcp:SERVER.",
        )
    else:
        name = path.stem if str(source).endswith(".py") else str(source).rpartition(".")[2]
        tools_file = read_python(source)
    whole = {name: tuple(tool.name for tool in tools_file.tools)} if tools_file.tools else {}
    return replace(tools_file, toolboxes=whole | tools_file.toolboxes)


def named_tools(source: str | None) -> ToolsFile:
    """Return the tools that the user named with `--tools`.

    By default, only these tools and the tools of the catalog are run. See `trusted_tools`.

    Args:
        source: The value of `--tools`, or None.

    Raises:
        InputError, EnvironmentFault: As in `read_source`.
    """
    return ToolsFile((), {}) if source is None else read_source(source)


class ToolboxNames:
    """Finds toolboxes for the cases of one file. Each case contains the name of its toolbox.

    Args:
        case_file: The case file, or None. A name is first looked up in the `tools.yaml` in the folder of this file.
        source: The value of `--tools`, or None.

    Raises:
        InputError: A source cannot be read.
    """

    def __init__(self, case_file: Path | None = None, source: str | Path | None = None) -> None:
        self._sources: list[tuple[str, ToolsFile]] = []
        if case_file is not None and (beside := case_file.parent / "tools.yaml").is_file():
            self._sources.append((str(beside), read_source(beside)))
        self._named: tuple[Tool, ...] = ()
        if source is not None:
            self._sources.append((f"--tools {source}", read := read_source(source)))
            self._named = read.tools
        built_in = catalog()
        self._sources.append(("the catalog", ToolsFile(built_in.tools, {built_in.name: built_in.names})))

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of all toolboxes, in the order of the sources."""
        return tuple(dict.fromkeys(name for _, source in self._sources for name in source.toolboxes))

    def resolve(self, name: str) -> Toolbox:
        """Return the toolbox with this name.

        Raises:
            InputError: No source has a toolbox with this name, or the toolbox lists a tool that does not exist.
        """
        for place, read in self._sources:
            if name in read.toolboxes:
                members = (self._member(member, name, place, read) for member in read.toolboxes[name])
                return Toolbox(name=name, tools=tuple(members))
        places = ", ".join(place for place, _ in self._sources)
        raise InputError(f"There is no toolbox {name!r} in {places}", nearest(name, self.names))

    def _member(self, member: str, name: str, place: str, read: ToolsFile) -> Tool:
        # A tool of the catalog comes before a tool of `--tools`. So a tool of the user with the same name as a tool of
        # the catalog does not change the shipped cases.
        offered = {tool.name: tool for tool in (*self._named, *catalog().tools, *read.tools)}
        if member not in offered:
            what = f"The toolbox {name!r} in {place} lists the tool {member!r}, which does not exist"
            if read.notes:
                what += f". {len(read.notes)} parts of {place} cannot be tools. The first of them is at {read.notes[0]}"
            raise InputError(what.removesuffix("."), nearest(member, tuple(offered)))
        return offered[member]
