"""Reads and writes case files of Toolmark: one case in JSON on each line.

The field `toolbox` of a case contains the name of a toolbox, or a list of tools.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.strict_json import strict_json
from toolmark.benchmark.data.cases import Case, Tool, Toolbox
from toolmark.benchmark.readers import BadRow, BaseReader
from toolmark.benchmark.readers.file_rows import read_text
from toolmark.benchmark.readers.row_conversion import reason
from toolmark.benchmark.readers.tool_formats import toolbox_of
from toolmark.benchmark.tools.toolbox_names import ToolboxNames

__all__ = ["NO_OBJECT", "ToolmarkReader", "case_line"]

_NOT_JSON = "not JSON: "
_NO_OBJECT = "a case must be a JSON object, not "
NO_OBJECT = (_NOT_JSON, _NO_OBJECT)
"""The reason of a bad row begins with one of these texts if the row is not a JSON object."""


class ToolmarkReader(BaseReader):
    """Reads case files of Toolmark.

    Args:
        tools: The value of `--tools`, which names a source of tools. The name of a toolbox is looked up first in this
            source, then in the catalog.
    """

    name = "toolmark"
    takes_tools = True

    def __init__(self, tools: str | None = None) -> None:
        self.tools = tools

    def read(self, path: Path) -> Iterator[Case | BadRow]:
        """Yield the cases of one file in order.

        Raises:
            InputError: The file or its `tools.yaml` cannot be read.
        """
        for _, row in self.rows(path):
            yield row

    def rows(self, path: Path) -> Iterator[tuple[int, Case | BadRow]]:
        """Yield the cases of one file with their line numbers, from 1. See `read`."""
        names = ToolboxNames(path, self.tools)
        toolboxes: dict[str, Toolbox] = {}
        # `splitlines` is not used, because it splits at U+2028, too. A JSON string can contain U+2028.
        for number, line in enumerate(read_text(path).split("\n"), start=1):
            if line.strip():
                yield number, _case(path, number, line, names, toolboxes)


def _inline(tools: list[Any]) -> Toolbox:
    read: list[Tool] = []
    for index, row in enumerate(tools):
        if isinstance(row, str):
            raise ValueError(
                f"a toolbox that is a list must contain whole tools, but contains the name {row!r:.80}. To offer some "
                f"of your tools, list their names in the tools.yaml beside the case file, for example toolboxes: "
                f'{{mine: [{", ".join(str(name) for name in tools[:3])[:200]}]}}. Then write "toolbox": "mine"'
            )
        try:
            read.append(Tool.model_validate(row))
        except ValidationError as error:
            raise ValueError(reason(error, ("toolbox", index))) from None
    return toolbox_of(read)


def _case(path: Path, number: int, line: str, names: ToolboxNames, toolboxes: dict[str, Toolbox]) -> Case | BadRow:
    def bad(why: str, key: str = "") -> BadRow:
        position = line.find(f'"{key}"') if key else -1
        return BadRow(path, number, why, position + 1 if position >= 0 else None)

    try:
        row = strict_json(line)
    except json.JSONDecodeError as error:
        return BadRow(path, number, f"{_NOT_JSON}{error.msg}", error.colno)
    except ValueError as error:
        return bad(f"{_NOT_JSON}{error}")
    if not isinstance(row, dict):
        return BadRow(path, number, f"{_NO_OBJECT}{type(row).__name__}", 1)
    if "toolbox" not in row and "world" in row:
        return BadRow(path, number, "this row is a scenario, but only cases can be used here", 1)
    if "toolbox" not in row:
        return BadRow(path, number, "the field toolbox is missing. Write the name of a toolbox, or a list of tools", 1)
    offered = row.pop("toolbox")
    try:
        if isinstance(offered, str):
            if offered not in toolboxes:
                toolboxes[offered] = names.resolve(offered)
            toolbox = toolboxes[offered]
        elif isinstance(offered, list):
            toolbox = _inline(offered)
        else:
            return bad(f"a toolbox must be a name or a list of tools, not {type(offered).__name__}", "toolbox")
        return Case.model_validate({**row, "toolbox": toolbox})
    except InputError as error:
        return bad(str(error), "toolbox")
    except ValidationError as error:
        where = error.errors()[0]["loc"]
        return bad(reason(error), str(where[0]) if where else "")
    except ValueError as error:
        return bad(str(error), "toolbox")
    except RecursionError:
        return bad("nested too deeply")


def case_line(case: Case, *, named: bool = False) -> str:
    """Return a case as a line of a case file, with a newline.

    Args:
        case: The case.
        named: Whether to write the name of the toolbox instead of the tools. If True, the `tools.yaml` in the folder of
            the file must contain the tools.
    """
    content = case.model_dump(mode="json", exclude={"toolbox", "messages", "seen_unknown"}, exclude_none=True)
    if case.seen_unknown:
        content["seen_unknown"] = True
    shown = {
        "messages": [message.as_openai() for message in case.messages],
        "toolbox": case.toolbox.name
        if named
        else [tool.model_dump(mode="json", exclude_none=True) for tool in case.toolbox.tools],
    }
    return json.dumps(shown | content, ensure_ascii=False) + "\n"
