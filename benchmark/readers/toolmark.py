"""Toolmark's own case files: JSONL, one case a line, toolboxes by name or in place."""

from __future__ import annotations

import json
from collections import Counter
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
        for _, row in self.rows(path):
            yield row

    def rows(self, path: Path) -> Iterator[tuple[int, Case | BadRow]]:
        """The same, each with its line, counted from 1."""
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
                yield number, _case(path, number, line, names, toolboxes)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {twice!r} is written twice in one object")
    return fields


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _inline(tools: list[Any]) -> Toolbox:
    read: list[Tool] = []
    for index, row in enumerate(tools):
        try:
            tool = Tool.model_validate(row)
            check_schema(tool.parameters)
        except ValidationError as error:
            raise ValueError(_reason(error, ("toolbox", index))) from None
        except SchemaError as error:
            raise ValueError(f"the parameters of {tool.name} are no valid JSON Schema: {error}") from None
        if tool.name in {other.name for other in read}:
            raise ValueError(f"two tools of the toolbox are called {tool.name}")
        read.append(tool)
    return Toolbox(name="", tools=tuple(read))


def _reason(error: ValidationError, prefix: tuple[str | int, ...] = ()) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in (*prefix, *first["loc"]))
    return f"{where}: {first['msg']}" if where else first["msg"]


def _case(path: Path, number: int, line: str, names: ToolboxNames, toolboxes: dict[str, Toolbox]) -> Case | BadRow:
    def bad(reason: str, key: str = "") -> BadRow:
        position = line.find(f'"{key}"') if key else -1
        return BadRow(path, number, reason, position + 1 if position >= 0 else None)

    try:
        row = json.loads(line, object_pairs_hook=_unique, parse_constant=_no_constant)
        json.dumps(row, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        return BadRow(path, number, f"not JSON: {error.msg}", error.colno)
    except UnicodeEncodeError:
        return bad("a string holds half of a surrogate pair, which no tokenizer can read")
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
        where = error.errors()[0]["loc"]
        return bad(_reason(error), str(where[0]) if where else "")
    except ValueError as error:
        return bad(str(error), "toolbox")
    except RecursionError:
        return bad("nested too deeply")
