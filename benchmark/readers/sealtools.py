"""Seal-Tools (fairyshine/Seal-Tools, Seal-Tools_Dataset): `{"id", "query", "calling": [{"api", "parameters"}, …]}`.

The tools stand in `tool.jsonl` beside the file, `{"api_name", "api_description", "field", "parameters", "required"}`,
with Python's type names. Which of the 4,000 a model was shown is not recorded: those of the called tools' own fields
are offered, so that choosing means telling neighbours apart, and the case's id hashes the row.

All values are texts there, also of numbers: they are read as the type that the tool declares. A value `API_call_0` is
the result of an earlier call, which one answer cannot know: such a case is waived.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import Call, Case, Message, Source, Tool
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.readers import BadRow, BaseReader
from toolmark.benchmark.readers.expected_calls import call_of, expected_calls, gold_fault
from toolmark.benchmark.readers.file_rows import Row, data_files, json_rows
from toolmark.benchmark.readers.row_conversion import convert, field
from toolmark.benchmark.readers.tool_formats import tool_of, toolbox_of

__all__ = ["SealToolsReader"]

_TOOLS = "tool.jsonl"
_RESULT = re.compile(r"API_call_\d+")

Known = Mapping[str, tuple[str, Tool]]
"""Field and tool by name, in the order of the file."""


class SealToolsReader(BaseReader):
    """Reads a query with its calls as a case."""

    name = "sealtools"

    def read(self, path: Path) -> Iterator[Case | Trace | BadRow]:
        """Yield the rows in order. Raises `InputError` where a file is unreadable or `tool.jsonl` is not beside it."""
        for file in data_files(path, ".jsonl"):
            if file.name in (_TOOLS, "field.jsonl"):
                continue
            known: dict[str, tuple[str, Tool]] = {}
            beside = file.parent / _TOOLS
            if not beside.is_file():
                raise InputError(f"there is no {_TOOLS} beside {file}", "Put Seal-Tools' own tool.jsonl there.")
            for line, row in json_rows(beside):
                if isinstance(row, BadRow):
                    yield row
                    continue
                try:
                    tool = tool_of({**row, "required": row.get("required") or []})
                    known.setdefault(tool.name, (str(row.get("field", "")), tool))
                except ValueError as error:
                    yield BadRow(beside, line, str(error))
            yield from convert(file, json_rows(file), lambda row, line, known=known: _case(row, known))  # type: ignore[misc] # noqa: ARG005


def _case(row: Row, known: Known) -> Case:
    calls = [call_of(call) for call in field(row, "calling", list)]
    if unknown := [call.name for call in calls if call.name not in known]:
        raise ValueError(f"the tool {unknown[0]!r:.80} is called and not in {_TOOLS}")
    fields = {known[call.name][0] for call in calls}
    toolbox = toolbox_of(tool for area, tool in known.values() if area in fields)
    typed = [Call(name=call.name, arguments=_typed(call, known[call.name][1])) for call in calls]
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
        waiver="an argument is the result of an earlier call" if nested else gold_fault(expect.any_of[0], toolbox),
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
                return float(value)
            case "boolean":
                return {"true": True, "false": False}[value.strip().lower()]
    except (ValueError, KeyError):
        return value
    return value
