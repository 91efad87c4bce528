"""Writes the traces and tools of a trace dataset: `traces/` and `tools.yaml`.

The column `messages` has the type `datasets.Json()`. In a plain Arrow struct, every call would also have the arguments
of all other tools, with the value null. A model would then learn to write these nulls.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from toolmark.benchmark.core.hashing import file_hash
from toolmark.benchmark.data.traces import Trace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from toolmark.benchmark.data.cases import Message, Toolbox

__all__ = ["NamedToolboxes", "trace_row", "write_traces"]


def trace_row(trace: Trace) -> dict[str, Any]:
    """Return one row of `traces/`. The field `tools` is a JSON string in OpenAI's form."""
    tools = [tool.as_openai() for tool in trace.tools]
    return {
        "messages": [_turn(message) for message in trace.messages],
        "tools": json.dumps(tools, ensure_ascii=False),
        "query": trace.query,
        "query_type": trace.query_type,
        "tool_needed": any(message.tool_calls for message in trace.messages) and trace.query_type in ("easy", "hard"),
        "tool_name": trace.tool_name,
        "num_tools_available": len(trace.tools),
        "case_id": trace.case.id if trace.case else None,
        "source": trace.source,
    }


def _turn(message: Message) -> dict[str, Any]:
    turn = message.as_openai()
    return turn if message.weight else {**turn, "weight": 0}


class NamedToolboxes:
    """The toolboxes of a dataset, by name. One toolbox has all tools. Each other toolbox is shared by several cases.

    Args:
        offered: The toolbox with all tools.
    """

    def __init__(self, offered: Toolbox) -> None:
        self._offered = offered
        self._named = {offered.name: offered.tools} if offered.tools else {}

    def add(self, box: Toolbox) -> bool:
        """Store `box` under its name.

        Returns:
            Whether a case can refer to `box` by name. False if `box` has no name, if the name is already used for other
            tools, or if a tool of `box` is not a tool of the dataset.
        """
        if not box.name or any(self._offered.by_name.get(tool.name) != tool for tool in box.tools):
            return False
        return self._named.setdefault(box.name, box.tools) == box.tools

    def write(self, path: Path) -> None:
        """Write `tools.yaml`: the tools, and each toolbox as a list of tool names."""
        from ruamel.yaml import YAML

        yaml = YAML(typ="safe", pure=True)
        yaml.default_flow_style = False
        yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
        yaml.width = 120
        listed = [tool.model_dump(mode="json", exclude_none=True) for tool in self._offered.tools]
        toolboxes = {name: [tool.name for tool in tools] for name, tools in self._named.items()}
        with path.open("w", encoding="utf-8") as file:
            yaml.dump({"tools": listed, "toolboxes": toolboxes}, file)


def _rows(path: str) -> Iterator[dict[str, Any]]:
    with open(path, encoding="utf-8") as file:  # noqa: PTH123 - datasets hashes the argument, and cannot hash a Path
        yield from map(json.loads, file)


def write_traces(spools: Mapping[str, Path], out: Path, cache: Path) -> None:
    """Write a `datasets.DatasetDict`. The rows are streamed, so a dataset can be larger than the memory.

    A split without rows is left out, because `datasets` cannot read an empty split.

    Args:
        spools: For each split, a JSONL file with the rows of the split.
        out: Folder to write to.
        cache: Folder for temporary files.
    """
    import datasets  # type: ignore[import-untyped]

    columns = {
        "messages": datasets.Json(),
        "tools": datasets.Value("string"),
        "query": datasets.Value("string"),
        "query_type": datasets.Value("string"),
        "tool_needed": datasets.Value("bool"),
        "tool_name": datasets.Value("string"),
        "num_tools_available": datasets.Value("int32"),
        "case_id": datasets.Value("string"),
        "source": datasets.Value("string"),
    }
    features = datasets.Features(columns)

    def split(spool: Path) -> Any:
        return datasets.Dataset.from_generator(
            _rows,
            features=features,
            gen_kwargs={"path": str(spool)},
            cache_dir=str(cache),
            keep_in_memory=False,
            fingerprint=file_hash(spool)[:16],  # The default is a hash of the path, which is different in every run.
        )

    shown = datasets.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    try:
        filled = {name: split(spool) for name, spool in spools.items() if spool.stat().st_size}
        datasets.DatasetDict(filled).save_to_disk(out)
    finally:
        if shown:
            datasets.enable_progress_bars()
