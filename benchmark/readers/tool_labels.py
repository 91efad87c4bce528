"""Makes cases from queries that are labelled with the name of the right tool.

The right arguments are not known. A grade of such a case says whether the right tool is called and whether the call is
valid. The values of the arguments are not checked.
"""

from __future__ import annotations

from pathlib import Path

from toolmark.benchmark.data.cases import Abstain, Case, Message, Source, Toolbox
from toolmark.benchmark.readers.expected_calls import labelled
from toolmark.benchmark.tools.toolbox_names import ToolboxNames, read_source

__all__ = ["labelled_case", "offered_tools"]


def offered_tools(path: Path, tools: str | None) -> Toolbox:
    """Return the offered tools.

    The tools are read from one source: the value of `--tools`, otherwise the `tools.yaml` in the folder of the file,
    otherwise the catalog.

    Args:
        path: The file with the queries.
        tools: The value of `--tools`, or None.

    Raises:
        InputError: The source cannot be read.
    """
    source = tools if tools is not None else path.parent / "tools.yaml"
    if tools is None and not Path(source).is_file():
        return ToolboxNames().resolve("catalog")
    return Toolbox(name=Path(source).stem, tools=read_source(source).tools)


def labelled_case(
    query: str,
    names: list[str],
    toolbox: Toolbox,
    source: Source,
    *,
    licence: str = "unknown",
    tags: dict[str, str] | None = None,
    seen_unknown: bool = False,
) -> Case:
    """Return a case that expects one call of each named tool, or no call if no tool is named.

    Raises:
        ValueError: The query is empty, or a tool is not offered.
    """
    if not query.strip():
        raise ValueError("the query is empty")
    return Case(
        messages=(Message(role="user", content=query),),
        toolbox=toolbox,
        expect=labelled(names, toolbox) if names else Abstain(action="abstain", reason="no_tool_needed"),
        tags=dict(tags or {}),
        source=source,
        licence=licence,
        seen_unknown=seen_unknown,
    )
