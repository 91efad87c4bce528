"""Generator `import`: turns existing conversations into a trace dataset.

The conversations are in a file, a folder, or a data set on the hub. They can have the format of any registered reader.
The conversations must pass the same checks as the conversations of all other generators.

Implementations are taken only from `--tools`. If a tool of a conversation has the same name and arguments as a tool of
`--tools`, the calls run the implementation from `--tools`. Calls of other tools are only checked against the schema.

Without `--tools`, the tools of the catalog are used. Many collections have a tool with the same name as a tool of the
catalog, for example `get_weather`, but their tool gives other results. So a tool of the catalog is used only if its
description and its schema are also the same. This condition is left out for conversations that were made for the
catalog.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from toolmark.benchmark.core.errors import InputError, NothingToDo
from toolmark.benchmark.core.hub import cached, check_id, download
from toolmark.benchmark.core.registry import load, names
from toolmark.benchmark.core.user_paths import did_you_mean
from toolmark.benchmark.data.cases import Case, Tool, Toolbox
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.plugins.protocols import BaseGenerator, Generation
from toolmark.benchmark.readers import BadRow, Reader
from toolmark.benchmark.tools.catalog import catalog
from toolmark.benchmark.tools.trusted_tools import same_arguments

__all__ = ["ImportGenerator", "ImportOptions"]

_HUB_PREFIX = "hub/"
_ABOUT_THE_CATALOG = "tutorial:"
"""The reader of conversations with the tools of the catalog. Their descriptions and schemas are different."""
_DATA_SUFFIXES = (".parquet", ".jsonl", ".json", ".csv", ".jsonl.gz", ".json.gz", ".csv.gz", ".yaml")


class ImportOptions(BaseModel):
    """The options of `toolmark generate import`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(
        default="",
        description="Reader and place of the conversations: NAME:PATH or NAME:hub/ORG/DATASET[@REVISION].",
    )


class ImportGenerator(BaseGenerator):
    """Conversations that already exist, in a format that a registered reader can read."""

    name = "import"
    Options: type[BaseModel] = ImportOptions

    def propose(self, toolbox: Toolbox, options: ImportOptions, ctx: Generation) -> Iterator[Trace]:
        """Yield the traces of the source, in order. A row that cannot be read is rejected, with its place and reason.

        Raises:
            InputError: The source cannot be read at all.
            NothingToDo: The source contains cases, but no conversations.
        """
        reader, path = _reader_and_path(options.source)
        shipped = () if options.source.startswith(_ABOUT_THE_CATALOG) else catalog().tools
        known = {tool.name: (tool, tool in shipped) for tool in toolbox.tools}
        rows: Counter[type] = Counter()
        for row in reader.read(path):
            rows[Case if isinstance(row, Case) else type(row)] += 1
            if isinstance(row, BadRow):
                ctx.drop("format", f"{row.place}: {row.reason}", "", "", None)
            elif not isinstance(row, Case):
                yield _with_implementations(row, known)
        if rows.keys() == {Case}:
            raise NothingToDo(
                f"{options.source} contains {rows[Case]:,} cases, but no conversation with an answer to learn",
                f"Evaluate a model on the cases: toolmark eval --model MODEL --cases {shlex.quote(options.source)}",
            )
        if rows[Case]:
            ctx.note(f"{rows[Case]:,} rows were left out, because they contain no answer that a model could learn")


def _reader_and_path(source: str) -> tuple[Reader, Path]:
    name, colon, rest = source.partition(":")
    if not colon or not rest:
        known = ", ".join(names("toolmark.readers"))
        raise InputError(
            f"--source {source!r} is not of the form NAME:PATH or NAME:hub/ORG/DATASET",
            f"NAME is a reader: {known}. For example: --source openai:chats.jsonl",
        )
    reader: Reader = load("toolmark.readers", name)()
    path = Path(rest)
    if path.exists():
        return reader, path
    if rest.startswith(_HUB_PREFIX):
        repo, _, revision = rest.removeprefix(_HUB_PREFIX).partition("@")
        return reader, _hub_folder(repo, revision or None)
    raise InputError(
        f"--source: {rest} does not exist",
        did_you_mean(rest, "Give a file or folder that exists, or hub/ORG/DATASET."),
    )


def _hub_folder(repo: str, revision: str | None) -> Path:
    check_id(repo, "--source …:hub/")
    found = cached(repo, revision, "dataset")
    if found is not None and any(file.name.endswith(_DATA_SUFFIXES) for file in found.rglob("*")):
        return found
    return download(repo, revision, [f"*{suffix}" for suffix in _DATA_SUFFIXES], "dataset")


def _with_implementations(trace: Trace, known: Mapping[str, tuple[Tool, bool]]) -> Trace:
    """Return `trace` with implementations for its tools.

    An implementation is taken from the tool in `known` that has the same name and arguments. The tools in `known` are
    pairs: the tool, and whether its description and schema must be the same, too.
    """
    tools = tuple(_implemented(tool, *known.get(tool.name, (None, False))) for tool in trace.tools)
    if tools == trace.tools:
        return trace
    box = trace.toolbox.model_copy(update={"tools": tools})
    case = trace.case.model_copy(update={"toolbox": box}) if trace.case is not None else None
    return trace.model_copy(update={"toolbox": box, "case": case})


def _implemented(tool: Tool, own: Tool | None, same: bool) -> Tool:
    differs = same and own is not None and (tool.description, tool.parameters) != (own.description, own.parameters)
    if own is None or own.run is None or differs or not same_arguments(tool, own):
        return tool.model_copy(update={"run": None}) if tool.run is not None else tool
    return tool.model_copy(update={"run": own.run, "effects": own.effects})
