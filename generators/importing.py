"""Other people's conversations as a trace dataset: any registered reader's, through the same stages as all others.

They lie in a file or folder, or are a data set of the hub, whose files are those of a folder. The readers know the
formats; this generator only binds tools. A conversation's tool is one of `--tools` where both have the same name and
arguments, and is then executed as that one may be; any other is checked by schema alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.hub import cached, check_id, download
from toolmark.benchmark.core.registry import load, names
from toolmark.benchmark.data.cases import Case, Tool, Toolbox
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.plugins.protocols import BaseGenerator, Generation
from toolmark.benchmark.readers import BadRow, Reader

__all__ = ["ImportGenerator", "ImportOptions"]

_HUB = "hub/"
_DATA = (".parquet", ".jsonl", ".json", ".csv", ".jsonl.gz", ".json.gz", ".csv.gz", ".yaml")


class ImportOptions(BaseModel):
    """What `toolmark generate import` can be told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(
        default="",
        description="Format and place: NAME:PATH or NAME:hub/ORG/DATASET[@REVISION], with the name of a reader.",
    )


class ImportGenerator(BaseGenerator):
    """Conversations that were made elsewhere, in the format of any reader."""

    name = "import"
    Options: type[BaseModel] = ImportOptions

    def propose(self, toolbox: Toolbox, options: ImportOptions, ctx: Generation) -> Iterator[Trace]:
        """The reader's traces in their order; a row that cannot be read is dropped with its place.

        Raises:
            InputError: The source cannot be read at all.
        """
        reader, path = _opened(options.source)
        known = {tool.name: tool for tool in toolbox.tools}
        cases: Counter[str] = Counter()
        for row in reader.read(path):
            if isinstance(row, BadRow):
                ctx.drop("format", f"{row.place}: {row.reason}", "", "", None)
            elif isinstance(row, Case):
                cases["read"] += 1
            else:
                yield _bound(row, known)
        if cases["read"]:
            ctx.note(f"{cases['read']:,} rows are cases without an answer, and nothing to train on")


def _opened(source: str) -> tuple[Reader, Path]:
    name, colon, rest = source.partition(":")
    if not colon or not rest:
        known = ", ".join(names("toolmark.readers"))
        raise InputError(f"--source {source!r} is not NAME:PATH or NAME:hub/ORG/DATASET", f"The readers are: {known}.")
    reader: Reader = load("toolmark.readers", name)()
    path = Path(rest)
    if path.exists():
        return reader, path
    if rest.startswith(_HUB):
        repo, _, revision = rest.removeprefix(_HUB).partition("@")
        return reader, _fetched(repo, revision or None)
    raise InputError(f"there is nothing at {rest}", "Name a file or folder that exists, or hub/ORG/DATASET.")


def _fetched(repo: str, revision: str | None) -> Path:
    check_id(repo, "--source …:hub/")
    found = cached(repo, revision, "dataset")
    if found is not None and any(file.name.endswith(_DATA) for file in found.rglob("*")):
        return found
    return download(repo, revision, [f"*{suffix}" for suffix in _DATA], "dataset")


def _bound(trace: Trace, known: dict[str, Tool]) -> Trace:
    """`trace` with the implementations of the tools that are known by name and arguments."""
    tools = tuple(_implemented(tool, known.get(tool.name)) for tool in trace.tools)
    if tools == trace.tools:
        return trace
    box = trace.toolbox.model_copy(update={"tools": tools})
    case = trace.case.model_copy(update={"toolbox": box}) if trace.case is not None else None
    return trace.model_copy(update={"toolbox": box, "case": case})


def _implemented(tool: Tool, own: Tool | None) -> Tool:
    if own is None or own.run is None or _arguments(tool) != _arguments(own):
        return tool.model_copy(update={"run": None}) if tool.run is not None else tool
    return tool.model_copy(update={"run": own.run, "effects": own.effects})


def _arguments(tool: Tool) -> list[str]:
    properties = tool.parameters.get("properties")
    return sorted(properties) if isinstance(properties, dict) else []
