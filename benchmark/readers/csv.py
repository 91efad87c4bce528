"""Reads a CSV file with a query and the name of the right tool in each row.

| column | other names of the column | content |
|---|---|---|
| `query` | `question`, `prompt`, `text` | the question of the user |
| `tool` | `tool_name`, `label`, `expected_tool` | the right tool |

If the right answer calls several tools, their names are separated by `;`. If no tool is needed, the cell is empty. The
names of columns can be in upper or lower case.

The offered tools are read from one source: the value of `--tools`, otherwise the `tools.yaml` in the folder of the
file, otherwise the catalog.
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
    """Reads cases from rows with a query and the name of the right tool. The right arguments are not known.

    Attributes:
        tools: The value of `--tools`, from which the offered tools are read.
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
