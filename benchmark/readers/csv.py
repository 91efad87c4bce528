"""A CSV file of queries with the names of their tools: the columns `query` and `tool`, in upper or lower case.

The column `query` may also be called `question`, `prompt` or `text`. The column `tool` may also be called `tool_name`,
`label` or `expected_tool`. An empty tool means that no tool is needed. Several tools are separated by `;`. The tools
are read from `--tools`. Without `--tools`, they are read from the `tools.yaml` in the folder of the file, or otherwise
from the catalog.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from toolmark.benchmark.data.cases import Case, Source
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.readers import BadRow, BaseReader
from toolmark.benchmark.readers.file_rows import Row, csv_rows, data_files
from toolmark.benchmark.readers.row_conversion import convert
from toolmark.benchmark.readers.tool_labels import labelled_case, offered_tools

__all__ = ["CsvReader"]

_QUERY = ("query", "question", "prompt", "text")
_TOOL = ("tool", "tool_name", "label", "expected_tool")
_NONE = ("", "none", "nan", "null")


class CsvReader(BaseReader):
    """Reads queries with the names of their tools as cases. The arguments are not known.

    Attributes:
        tools: A source of tools (`--tools`).
    """

    name = "csv"
    takes_tools = True

    def read(self, path: Path) -> Iterator[Case | Trace | BadRow]:
        """Yield the rows in order.

        Raises:
            InputError: A file or the tools cannot be read.
        """
        for file in data_files(path, ".csv", ".csv.gz"):
            toolbox = offered_tools(file, self.tools)

            def case(row: Row, line: int, file: Path = file, toolbox=toolbox) -> Case:  # type: ignore[no-untyped-def] # noqa: ANN001
                parts = [part.strip() for part in _cell(row, _TOOL).split(";")]
                names = [name for name in parts if name.lower() not in _NONE]
                return labelled_case(_cell(row, _QUERY), names, toolbox, Source(name="csv", ref=f"{file.name}:{line}"))

            yield from convert(file, csv_rows(file), case)


def _cell(row: Row, names: Sequence[str]) -> str:
    columns = {column.strip().lower(): value for column, value in row.items()}
    for name in names:
        if name in columns:
            return str(columns[name])
    raise ValueError(f"there is no column {' or '.join(names)}; the columns are {', '.join(row)}")
