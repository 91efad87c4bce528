"""Computes the tutorial's published figures again, checks its traces, and writes docs/measurements/tutorial.md.

The page contains only figures. No query and no trace is copied.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from studies.page import Page, percent
from studies.stages import Passed, imported, write_stages
from toolmark.benchmark.data.cases import Message
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.readers.file_rows import Row, csv_rows
from toolmark.benchmark.readers.tutorial import TutorialReader, trace_turns
from toolmark.benchmark.scoring.answers import uses_result
from toolmark.benchmark.tools.schemas import compile_schema, problems
from toolmark.benchmark.verdicts.intervals import Interval, wilson

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data" / "tutorial"
OUT = ROOT / "docs" / "measurements" / "tutorial.md"

HEAD = """# The tutorial's published figures and its traces

Written by `python -m studies.tutorial`. A public tutorial fine-tunes gemma-3-1b-it to call tools. The tutorial has
published its scores and its traces (MIT licence). A trace is a full training conversation. This page checks the scores
and the traces. The page contains only figures, because the published files are not part of the project. All intervals
are Wilson's 95% intervals.
"""

COLUMNS: Mapping[str, tuple[str, bool]] = {
    "Tool Called When Needed (%)": ("model_called_tool_when_needed", True),
    "Correct Tool Called (%)": ("model_called_correct_tool", False),
    "Tool Call Success (%)": ("tool_call_success", False),
}
"""For each published column: the column of the rows, and whether rows that need no tool count."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A share that the tutorial published.

    The share is computed again, as the number of right rows divided by the number of rows.

    Attributes:
        model: Name of the model.
        query_type: Type of the queries. None for all queries.
        column: Column of the published table that contains the share.
        right: Number of right rows.
        n: Number of rows.
    """

    model: str
    query_type: str | None
    column: str
    right: int
    n: int

    @property
    def share(self) -> float:
        """Return the share in per cent, as in the tutorial."""
        return 100 * self.right / self.n

    @property
    def interval(self) -> Interval:
        """Return Wilson's 95% interval of the share, from 0 to 1."""
        return wilson(self.right, self.n)


def _rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def summary(data: Path = DATA) -> list[Cell]:
    """Compute every share of the published summaries, for all rows and for each query type."""
    rows = _rows(data / "eval_results.csv")
    models = list(dict.fromkeys(row["model_name"] for row in rows))
    cells = []
    for model in models:
        for kind in (None, *dict.fromkeys(row["query_type"] for row in rows)):
            for column, (flag, all_count) in COLUMNS.items():
                counted = [
                    row[flag] == "True"
                    for row in rows
                    if row["model_name"] == model
                    and kind in (None, row["query_type"])
                    and (all_count or row["query_type"] != "no_tool")
                ]
                if counted:
                    cells.append(Cell(model, kind, column, sum(counted), len(counted)))
    return cells


def published(data: Path = DATA) -> list[dict[str, float]]:
    """Return the rows of the published summary. The summary contains no model names."""
    return [{column: float(value) for column, value in row.items()} for row in _rows(data / "eval_summary.csv")]


def published_by_type(data: Path = DATA) -> list[dict[str, float | None]]:
    """Return the rows of the published summary by query type."""
    rows = _rows(data / "eval_summary_by_type.csv")
    return [{column: float(value) if value else None for column, value in row.items()} for row in rows]


def traces(data: Path = DATA) -> Iterator[tuple[Row, Trace | None]]:
    """Yield every row of the trace file, with the trace in this row, or None."""
    rows = [row for _, row in csv_rows(data / "traces.csv.gz") if not hasattr(row, "reason")]
    for row, read in zip(rows, TutorialReader().read(data / "traces.csv.gz"), strict=True):
        yield row, read if isinstance(read, Trace) else None  # type: ignore[misc]


def _called(trace: Trace) -> list[str]:
    return [call.name for turn in trace.messages for call in turn.tool_calls]


def _valid(trace: Trace) -> bool:
    return all(
        call.name in trace.toolbox.names
        and not problems(call.arguments, compile_schema(trace.toolbox[call.name].parameters))
        for turn in trace.messages
        for call in turn.tool_calls
    )


def _answers(trace: Trace) -> bool:
    last = trace.messages[-1]
    return last.role == "assistant" and not last.tool_calls and bool(last.content.strip())


def _uses(trace: Trace) -> bool | None:
    results = [index for index, turn in enumerate(trace.messages) if turn.role == "tool"]
    if not results:
        return None
    return _answers(trace) and bool(uses_result(trace.messages[: results[-1] + 1], trace.messages[-1].content))


def _written(row: Row) -> list[Message]:
    """Return the assistant's turns exactly as in the file."""
    return [
        Message(role="assistant", content=turn["content"]) for turn in trace_turns(row) if turn["role"] == "assistant"
    ]


def _strict(row: Row, trace: Trace) -> bool:
    """Return whether the strict reading of `tagged` gives the calls of the trace, without an error."""
    readings = [Tagged().parse(Completion(turn.content), strict=True) for turn in _written(row)]
    return all(reading.error is None for reading in readings) and [
        call.name for reading in readings for call in reading.calls
    ] == _called(trace)


@dataclass(frozen=True, slots=True)
class Row600:
    """A row of the trace file, its trace, and the right tools for its query (from `queries.csv`)."""

    row: Row
    trace: Trace
    labels: frozenset[str]

    @property
    def called(self) -> list[str]:
        """Return the names of the called tools, in order."""
        return _called(self.trace)


Check = Callable[[Row600], bool | None]

CHECKS: Mapping[str, tuple[str, Check]] = {
    "timing": (
        "the model calls a tool exactly if `queries.csv` says that the query needs a tool",
        lambda at: bool(at.called) == (at.labels != {""}),
    ),
    "tool": (
        "the model calls only the tool that `queries.csv` names for the query",
        lambda at: set(at.called) <= at.labels if at.called and at.labels != {""} else None,
    ),
    "offered": (
        "every tool that the model calls is in the prompt",
        lambda at: set(at.called) <= set(at.trace.toolbox.names) if at.called else None,
    ),
    "valid": (
        "every call names an offered tool, and the arguments have the types that the prompt shows",
        lambda at: _valid(at.trace) if at.called else None,
    ),
    "strict": (
        "every assistant turn can be read strictly in the dialect `tagged`",
        lambda at: _strict(at.row, at.trace),
    ),
    "answer": ("the conversation ends with an answer in words", lambda at: _answers(at.trace)),
    "result": ("the answer uses the tool's result", lambda at: _uses(at.trace)),
}
ROW_CHECKS: Mapping[str, tuple[str, Check]] = {
    "row: query": (
        "the column `query` contains the query that was asked",
        lambda at: at.trace.query == at.row["query"],
    ),
    "row: tool": (
        "the column `tool_name` contains the tool that was called",
        lambda at: set(at.called) == {at.row["tool_name"]} if at.row["tool_needed"] == "True" else None,
    ),
    "row: count": (
        "the column `num_tools_available` contains the number of tools in the prompt",
        lambda at: int(at.row["num_tools_available"]) == len(at.trace.tools),
    ),
}
"""Checks of the columns of the published table. These columns were joined to the wrong traces."""


@dataclass(frozen=True, slots=True)
class Checked:
    """Results of the checks.

    Attributes:
        rows: Number of rows of the file.
        read: Number of traces that were read.
        passed: For each check, the number of traces that pass, and the number of checked traces.
        all_passed: Number of traces that pass all checks of `CHECKS`.
    """

    rows: int
    read: int
    passed: Mapping[str, tuple[int, int]]
    all_passed: int


def checked(data: Path = DATA) -> Checked:
    """Check every trace."""
    labels: dict[str, set[str]] = {}
    for label in _rows(data / "queries.csv"):
        labels.setdefault(label["query"], set()).add(label["tool_name"])
    rows = read = every = 0
    passed: Counter[str] = Counter()
    concerned: Counter[str] = Counter()
    for row, trace in traces(data):
        rows += 1
        if trace is None:
            continue
        read += 1
        at = Row600(row, trace, frozenset(labels.get(trace.query, ())))
        verdicts = {name: check(at) for name, (_, check) in {**CHECKS, **ROW_CHECKS}.items()}
        concerned.update(name for name, verdict in verdicts.items() if verdict is not None)
        passed.update(name for name, verdict in verdicts.items() if verdict)
        every += all(verdicts[name] is not False for name in CHECKS)
    return Checked(rows, read, {name: (passed[name], concerned[name]) for name in (*CHECKS, *ROW_CHECKS)}, every)


def _shown(cell: Cell) -> str:
    low, high = cell.interval.low * 100, cell.interval.high * 100
    return f"{cell.share:.1f} [{low:.1f}, {high:.1f}] ({cell.right} of {cell.n})"


def write(cells: Sequence[Cell], found: Checked, passed: list[Passed], data: Path) -> Page:
    """Return the page."""
    page = Page(HEAD)
    models = list(dict.fromkeys(cell.model for cell in cells))
    kinds = list(dict.fromkeys(cell.query_type for cell in cells))
    by_place = {(cell.model, cell.query_type, cell.column): cell for cell in cells}
    page.section(
        "The published summary",
        "The column `Tool Called When Needed` contains two different scores:\n\n"
        "- **Recall**: among the queries that need a tool, the share with a call. The rows `easy` and `hard` show "
        "recall.\n"
        "- **Restraint**: among the queries that need no tool, the share without a call. The rows `no_tool` show "
        "restraint.\n\n"
        "The rows `all` mix both scores. In the column `Tool Call Success`, every call that ran counts as right, even "
        "a call of the wrong tool.",
        ["model", "queries", *COLUMNS],
        [
            [
                model,
                kind or "all",
                *(
                    _shown(by_place[place]) if (place := (model, kind, column)) in by_place else "n/a"
                    for column in COLUMNS
                ),
            ]
            for kind in kinds
            for model in models
        ],
    )
    made = [tuple(round(by_place[model, None, column].share, 2) for column in COLUMNS) for model in models]
    page.held(
        sorted(made) == sorted(tuple(row.values()) for row in published(data)),
        "Every figure of the tutorial's eval_summary.csv must be reproduced",
        f"{len(made) * len(COLUMNS)} figures compared",
    )
    by_type = [
        tuple(round(cell.share, 2) if (cell := by_place.get((model, kind, column))) else None for column in COLUMNS)
        for model in models
        for kind in kinds
        if kind is not None
    ]
    theirs = [
        tuple(None if value is None else round(value, 2) for value in row.values()) for row in published_by_type(data)
    ]
    page.held(
        Counter(by_type) == Counter(theirs),
        "Every figure of the tutorial's eval_summary_by_type.csv must be reproduced",
        f"{len(by_type)} rows compared",
    )
    page.section(
        "The 600 traces",
        f"{found.read} of {found.rows} traces were read. The column `checked` counts the traces to which a check "
        "applies. For example, a trace without a call has no tool to check.",
        ["check", "passed", "checked", "share", "condition"],
        [
            [name, str(found.passed[name][0]), str(found.passed[name][1]), _of(*found.passed[name]), meaning]
            for name, (meaning, _) in {**CHECKS, **ROW_CHECKS}.items()
        ],
    )
    page.paragraph(
        f"{found.all_passed} traces pass all checks except the three checks `row`. The checks `row` compare three "
        "columns of the published table with the traces. Most traces fail these checks, because the columns were "
        "joined to the wrong traces."
    )
    write_stages(page, passed)
    return page


def _of(passed: int, concerned: int) -> str:
    return percent(passed / concerned) if concerned else "n/a"


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the tutorial's files")
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        sys.stdout.write(
            f"there are no files of the tutorial in {arguments.data}, so {arguments.out} was not changed\n"
        )
        return
    page = write(summary(arguments.data), checked(arguments.data), imported(arguments.data), arguments.data)
    page.finish(arguments.out)


if __name__ == "__main__":
    main()
