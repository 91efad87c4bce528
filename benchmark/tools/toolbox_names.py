"""Toolbox names: which tools `"toolbox": "writing"` means.

A name is looked up in the `tools.yaml` beside the case file, then in the `--tools` source, then in the catalog; the
first that knows it wins. A source that lists tools without grouping them is itself a toolbox, under its own stem:
`my_tools` for `my_tools.py` or `shop.my_tools`, `tools` for `tools.yaml`.
"""

from __future__ import annotations

import difflib
from dataclasses import replace
from pathlib import Path

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import Tool, Toolbox
from toolmark.benchmark.tools.catalog import catalog
from toolmark.benchmark.tools.sources import ToolsFile
from toolmark.benchmark.tools.sources.mcp import PREFIX as MCP
from toolmark.benchmark.tools.sources.mcp import read_mcp
from toolmark.benchmark.tools.sources.openapi import is_openapi, read_openapi
from toolmark.benchmark.tools.sources.python import read_python
from toolmark.benchmark.tools.sources.tools_yaml import read_tools_file

__all__ = ["ToolboxNames", "read_source"]


def read_source(source: str | Path) -> ToolsFile:
    """Read a `--tools` source. Its own stem names all of its tools.

    Args:
        source: `tools.yaml`; an OpenAPI file, `.json` or `.yaml`; `mcp:` and the address or command of an MCP server;
            a `.py` file or a module name.

    Raises:
        InputError: The source cannot be read.
        EnvironmentFault: An MCP server does not answer.
    """
    path = Path(source)
    if str(source).startswith(MCP):
        name, read = "mcp", read_mcp(str(source).removeprefix(MCP))
    elif path.suffix in (".yaml", ".yml", ".json"):
        name, read = path.stem, read_openapi(path) if is_openapi(path) else read_tools_file(path)
    else:
        name = path.stem if str(source).endswith(".py") else str(source).rpartition(".")[2]
        read = read_python(source)
    everything = {name: tuple(tool.name for tool in read.tools)} if read.tools else {}
    return replace(read, toolboxes=everything | read.toolboxes)


class ToolboxNames:
    """Resolves toolbox names for the cases of one file.

    Args:
        case_file: The case file; a `tools.yaml` in its folder comes first. None where cases have no file.
        source: What `--tools` names, or None.

    Raises:
        InputError: One of the sources cannot be read.
    """

    def __init__(self, case_file: Path | None = None, source: str | Path | None = None) -> None:
        self._places: list[tuple[str, ToolsFile]] = []
        if case_file is not None and (beside := case_file.parent / "tools.yaml").is_file():
            self._places.append((str(beside), read_source(beside)))
        if source is not None:
            self._places.append((f"--tools {source}", read_source(source)))
        built_in = catalog()
        self._places.append(("the catalog", ToolsFile(built_in.tools, {built_in.name: built_in.names})))

    @property
    def names(self) -> tuple[str, ...]:
        """Every toolbox name that can be resolved, in the order of look-up."""
        return tuple(dict.fromkeys(name for _, read in self._places for name in read.toolboxes))

    def resolve(self, name: str) -> Toolbox:
        """The toolbox called `name`.

        Raises:
            InputError: Nobody knows the name, or a tool that the toolbox lists; the nearest names are given.
        """
        for place, read in self._places:
            if name in read.toolboxes:
                members = (self._member(member, name, place, read) for member in read.toolboxes[name])
                return Toolbox(name=name, tools=tuple(members))
        looked = ", ".join(place for place, _ in self._places)
        raise InputError(f"There is no toolbox {name!r} in {looked}", _nearest(name, self.names))

    def _member(self, member: str, name: str, place: str, read: ToolsFile) -> Tool:
        offered = {tool.name: tool for tool in (*catalog().tools, *read.tools)}
        if member not in offered:
            what = f"The toolbox {name!r} in {place} lists the tool {member!r}, which neither it nor the catalog has"
            raise InputError(what, _nearest(member, tuple(offered)))
        return offered[member]


def _nearest(name: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f"Did you mean {' or '.join(near)}?" if near else f"Known are: {', '.join(sorted(known)[:20])}."
