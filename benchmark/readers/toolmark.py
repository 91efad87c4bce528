"""Toolmark's own case files: JSONL, one case a line, toolboxes by name or in place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from benchmark.cases import Case, Tool, Toolbox
from benchmark.errors import InputError
from benchmark.readers import BadRow
from benchmark.tools.schemas import SchemaError, check_schema
from benchmark.tools.toolboxes import ToolboxNames

__all__ = ["ToolmarkReader"]


class ToolmarkReader:
    """Reads `*.jsonl`.

    Args:
        tools: A source of tools whose toolbox names come before the catalog's (`--tools`).
    """

    name = "toolmark"

    def __init__(self, tools: str | None = None) -> None:
        self._tools = tools

    def read(self, path: Path) -> Iterator[Case | BadRow]:
        """Yield the cases of one file, in order. Raises `InputError` where it or its `tools.yaml` is unreadable."""
        names = ToolboxNames(path, self._tools)
        toolboxes: dict[str, Toolbox] = {}
        try:
            lines = path.read_text(encoding="utf-8").split("\n")  # not splitlines(): U+2028 may stand inside a string
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(
                f"{path} cannot be read: {error}", "Cases are UTF-8 text, one JSON object a line."
            ) from None
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield _case(path, number, line, names, toolboxes)


def _inline(tools: list[Any]) -> Toolbox:
    read = [Tool.model_validate(tool) for tool in tools]
    for tool in read:
        try:
            check_schema(tool.parameters)
        except SchemaError as error:
            raise ValueError(f"the parameters of {tool.name} are no valid JSON Schema: {error}") from None
    return Toolbox(name="", tools=tuple(read))


def _case(path: Path, number: int, line: str, names: ToolboxNames, toolboxes: dict[str, Toolbox]) -> Case | BadRow:
    def bad(reason: str, key: str = "") -> BadRow:
        position = line.find(f'"{key}"') if key else -1
        return BadRow(path, number, reason, position + 1 if position >= 0 else None)

    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        return BadRow(path, number, f"not JSON: {error.msg}", error.colno)
    except (ValueError, RecursionError) as error:
        return bad(f"not JSON: {error}")
    if not isinstance(row, dict):
        return BadRow(path, number, f"a case is a JSON object, not {type(row).__name__}", 1)
    if "toolbox" not in row:
        return BadRow(path, number, "a case names its toolbox, or lists its tools: the field toolbox is missing", 1)
    offered = row.pop("toolbox")
    try:
        if isinstance(offered, str):
            if offered not in toolboxes:
                toolboxes[offered] = names.resolve(offered)
            toolbox = toolboxes[offered]
        elif isinstance(offered, list):
            toolbox = _inline(offered)
        else:
            return bad(f"a toolbox is a name or a list of tools, not {type(offered).__name__}", "toolbox")
        return Case.model_validate({**row, "toolbox": toolbox})
    except InputError as error:
        return bad(str(error), "toolbox")
    except ValidationError as error:
        first = error.errors()[0]
        where = [str(part) for part in first["loc"]]
        reason = f"{'.'.join(where)}: {first['msg']}" if where else first["msg"]
        return bad(reason, where[0] if where else "")
    except ValueError as error:
        return bad(str(error), "toolbox")
