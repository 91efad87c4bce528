"""Reads Seal-Tools (fairyshine/Seal-Tools, Seal-Tools_Dataset).

- A row is `{"id", "query", "calling": [{"api", "parameters"}, …]}`.
- The tools are in `tool.jsonl` in the same folder. A line is
  `{"api_name", "api_description", "field", "parameters", "required"}`. Types have their names in Python, like `str`.
- The data does not record which of the 4,000 tools a model saw. A case offers all tools that have the same `field` as a
  called tool, because these tools are similar. The id of a case is a hash of the row.
- All values in the file are strings. The values are converted to the type that the tool declares.
- A value `API_call_0` stands for the result of an earlier call. A model cannot know this result in its first answer, so
  the case is waived.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.strict_json import check_json, json_or_literal
from toolmark.benchmark.data.cases import Call, Case, Message, Source, Tool
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.readers import BadRow, BaseReader
from toolmark.benchmark.readers.expected_calls import call_of, expected_calls, gold_fault
from toolmark.benchmark.readers.file_rows import Row, data_files, json_rows
from toolmark.benchmark.readers.row_conversion import UNREADABLE, convert, field, reason
from toolmark.benchmark.readers.tool_formats import tool_of, toolbox_of

__all__ = ["SealToolsReader"]

_TOOLS = "tool.jsonl"
_RESULT = re.compile(r"API_call_\d+")

ToolsByName = Mapping[str, tuple[str, Tool]]
"""A mapping from the name of a tool to a pair: the `field` of the tool, and the tool. The order is that of the file."""


class SealToolsReader(BaseReader):
    """Reads cases from queries with their calls."""

    name = "sealtools"

    def read(self, path: Path) -> Iterator[Case | Trace | BadRow]:
        """Yield the rows in order.

        Raises:
            InputError: A file cannot be read, or its folder has no `tool.jsonl`.
        """
        for file in data_files(path, ".jsonl"):
            if file.name in (_TOOLS, "field.jsonl"):
                continue
            tools_by_name: dict[str, tuple[str, Tool]] = {}
            beside = file.parent / _TOOLS
            if not beside.is_file():
                raise InputError(
                    f"there is no {_TOOLS} in the folder of {file}", f"Copy Seal-Tools' tool.jsonl to {file.parent}."
                )
            for line, row in json_rows(beside):
                if isinstance(row, BadRow):
                    yield row
                    continue
                try:
                    tool = tool_of({**row, "required": row.get("required") or []})
                    tools_by_name.setdefault(tool.name, (str(row.get("field", "")), tool))
                except UNREADABLE as error:
                    yield BadRow(beside, line, reason(error))

            def case(row: Row, line: int, tools: ToolsByName = tools_by_name) -> Case:  # noqa: ARG001
                return _case(row, tools)

            yield from convert(file, json_rows(file), case)


def _case(row: Row, tools_by_name: ToolsByName) -> Case:
    calls = [call_of(call) for call in field(row, "calling", list)]
    if unknown := [call.name for call in calls if call.name not in tools_by_name]:
        raise ValueError(f"the tool {unknown[0]!r:.80} is called but not in {_TOOLS}")
    fields = {tools_by_name[call.name][0] for call in calls}
    toolbox = toolbox_of(tool for area, tool in tools_by_name.values() if area in fields)
    typed = [Call(name=call.name, arguments=_typed(call, tools_by_name[call.name][1])) for call in calls]
    expect = expected_calls(typed, toolbox)
    nested = any(
        isinstance(value, str) and _RESULT.search(value) for call in calls for value in call.arguments.values()
    )
    return Case(
        messages=(Message(role="user", content=field(row, "query", str)),),
        toolbox=toolbox,
        expect=expect,
        source=Source(name="sealtools", ref=field(row, "id", str)),
        licence="unknown",
        waiver="an argument is the result of an earlier call" if nested else gold_fault(expect, toolbox),
        seen_unknown=True,
    )


def _typed(call: Call, tool: Tool) -> dict[str, Any]:
    properties: Any = tool.parameters.get("properties", {})
    return {name: _value(value, properties.get(name, {}).get("type")) for name, value in call.arguments.items()}


def _value(value: Any, kind: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        match kind:
            case "integer":
                return int(value)
            case "number":
                return check_json(float(value))
            case "boolean":
                return {"true": True, "false": False}[value.strip().lower()]
            case "array" | "object":
                return json_or_literal(value)
    except (ValueError, KeyError):
        return value
    return value
