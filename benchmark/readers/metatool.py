"""Reads MetaTool (HowieHwong/MetaTool, dataset/tmp_dataset), which tests whether a model calls a tool, and which tool.

A file contains one JSON array of `{"query", "tool", "label", "action_prompt", …}`.

- In task 1, a model decides whether a tool is needed. `label` is `positive` or `negative`.
- In task 2, a model chooses a tool. `action_prompt` lists the offered tools, one on each line, in the form
  `1. tool name: …, tool description: …`. `tool` contains one or several names. If no listed tool has one of these
  names, no call is right.

MetaTool's tools have no arguments.

In MetaTool, a model sees no tools in task 1. In Toolmark, a case of task 1 offers tools: the tools of `--tools`, or
otherwise the tools of `plugin_des.json` (`{name: description}`). This file must be in the folder of the data file or in
the parent folder. Because MetaTool does not offer these tools, the id of a case of task 1 is a hash of the row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.strict_json import strict_json
from toolmark.benchmark.data.cases import Abstain, Case, ExpectCall, Message, Source, Tool, Toolbox
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.readers import BadRow, BaseReader
from toolmark.benchmark.readers.expected_calls import labelled
from toolmark.benchmark.readers.file_rows import Row, data_files, json_rows, read_text
from toolmark.benchmark.readers.row_conversion import UNREADABLE, convert, field, reason
from toolmark.benchmark.readers.tool_formats import toolbox_of
from toolmark.benchmark.readers.tool_labels import offered_tools

__all__ = ["MetaToolReader"]

_DESCRIPTIONS = "plugin_des.json"
_LISTED = re.compile(
    r"^\d{1,4}\. tool name: (?P<name>[^\n]{1,200}?), tool description: (?P<description>[^\n]*)", re.MULTILINE
)


class MetaToolReader(BaseReader):
    """Reads cases from rows with a query and the names of the right tools.

    Attributes:
        tools: The value of `--tools`. Tools are read from this source instead of `plugin_des.json`.
    """

    name = "metatool"
    takes_tools = True

    def read(self, path: Path) -> Iterator[Case | Trace | BadRow]:
        """Yield the rows in order.

        Raises:
            InputError: A file cannot be read, or the tools of the rows are not known.
        """
        for file in data_files(path, ".json", ".jsonl"):
            if file.name != _DESCRIPTIONS:
                yield from self._file(file)

    def _file(self, file: Path) -> Iterator[Case | Trace | BadRow]:
        unlisted: list[Toolbox] = []  # The described tools, read when the first row needs them.

        def case(row: Row, line: int) -> Case:
            shown = _shown(row)
            if shown is None and not unlisted:
                unlisted.append(self._described_tools(file))
            return _case(row, shown or unlisted[0], Source(name="metatool", ref=f"{file.name}:{line}"), shown is None)

        yield from convert(file, json_rows(file), case)

    def _described_tools(self, file: Path) -> Toolbox:
        if self.tools is not None:
            return offered_tools(file, self.tools)
        paths = [folder / _DESCRIPTIONS for folder in (file.parent, file.parent.parent)]
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            raise InputError(
                f"{file} lists no tools, and there is no {_DESCRIPTIONS} in its folder",
                f"Copy MetaTool's dataset/plugin_des.json to {file.parent}, or give the tools with --tools SOURCE.",
            )
        try:
            described: Any = strict_json(read_text(path))
            return toolbox_of(Tool(name=name, description=str(text)) for name, text in described.items())
        except UNREADABLE as error:
            raise InputError(f"{path}: {reason(error)}", "Write one JSON object: {NAME: DESCRIPTION, …}.") from None


def _shown(row: Row) -> Toolbox | None:
    prompt = row.get("action_prompt")
    listed = list(_LISTED.finditer(prompt)) if isinstance(prompt, str) else []
    if not listed:
        return None
    return toolbox_of(Tool(name=match["name"], description=match["description"]) for match in listed)


def _case(row: Row, toolbox: Toolbox, source: Source, unseen: bool) -> Case:
    query = field(row, "query", str)
    tool = row.get("tool") or []
    names = [tool] if isinstance(tool, str) else tool
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"the field tool must be a name or a list of names, not {tool!r:.80}")
    expect: ExpectCall | Abstain
    if row.get("label") == "negative" or not names:
        expect = Abstain(action="abstain", reason="no_tool_needed")
    elif not unseen and not set(names) & set(toolbox.names):
        expect = Abstain(action="abstain", reason="no_tool_fits")
    else:
        expect = labelled(names, toolbox)
    return Case(
        messages=(Message(role="user", content=query),),
        toolbox=toolbox,
        expect=expect,
        source=source,
        licence="MIT",
        seen_unknown=unseen,
    )
