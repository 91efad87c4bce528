"""Queries that are labelled with the name of a tool; tools come from beside the file, from `--tools`, or the catalog.

Which arguments are right is not known, so whether a whole call is right cannot be judged; which tool is called, and
whether its call is valid, can.
"""

from __future__ import annotations

from pathlib import Path

from toolmark.benchmark.data.cases import Abstain, Case, Message, Source, Toolbox
from toolmark.benchmark.readers.expected_calls import labelled
from toolmark.benchmark.tools.toolbox_names import ToolboxNames, read_source

__all__ = ["labelled_case", "offered_tools"]


def offered_tools(path: Path, tools: str | None) -> Toolbox:
    """All tools of `--tools`, of the `tools.yaml` beside `path`, or of the catalog: the first that there is.

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
    """A query with the tools that it needs; none says that it needs none. Raises `ValueError`."""
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
