"""Reads the CSV files of the tutorial that fine-tunes gemma-3-1b-it to use tools (shawhin/tool-use-finetuning, MIT).

There are three files. The columns of a file show which of them it is:

* `queries.csv`: A row contains a query and the tool that the query needs. A case offers all tools of the `tools.yaml`
  in the same folder.
* `traces.csv`: A row contains a query and a conversation. The column `trace` is the conversation as a Python literal or
  JSON. The first turn lists the tools as
  `{"tool_name", "description", "input_args": {argument: "type - description"}}`.
* `eval_results.csv`: A row contains a query that a model was asked. The file does not record the tools that the model
  saw, so the id of a case is a hash of the row.

The dataset shawhin/tool-use-finetuning at the hub has the same columns in Parquet.

- The offered tools of a conversation are read from its prompt. The column `num_tools_available` is not used, because
  the number differs from the number of tools in the prompt.
- A conversation is read unchanged, even if the query in the conversation differs from the column `query`.
- If a conversation calls a tool that is not offered, the conversation becomes a trace without a case.
- If a call cannot be read, the assistant turn remains a text.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.strict_json import json_or_literal, strict_json
from toolmark.benchmark.data.cases import Call, Case, Message, Source, Toolbox
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.readers import BadRow, BaseReader
from toolmark.benchmark.readers.conversations import conversation
from toolmark.benchmark.readers.expected_calls import call_of
from toolmark.benchmark.readers.file_rows import PARQUET, Row, csv_rows, parquet_rows, tables
from toolmark.benchmark.readers.row_conversion import convert, field
from toolmark.benchmark.readers.tagged_text import split_tags
from toolmark.benchmark.readers.tool_formats import flat_schema, tool_of, toolbox_of
from toolmark.benchmark.readers.tool_labels import labelled_case, offered_tools

__all__ = ["TutorialReader", "trace_turns"]

_LICENCE = "MIT"
_NONE = (None, "", "nan", "None")


class TutorialReader(BaseReader):
    """Reads cases and traces from the tutorial's CSV files.

    Attributes:
        tools: The value of `--tools`. Tools are read from this source instead of the `tools.yaml` in the folder of the
            file.
    """

    name = "tutorial"
    takes_tools = True

    def read(self, path: Path) -> Iterator[Case | Trace | BadRow]:
        """Yield the rows in order.

        Raises:
            InputError: No file exists, or a file has other columns.
        """
        for file in tables(path, "queries.csv", "traces.csv", "traces.csv.gz"):
            yield from self._file(file)

    def _file(self, file: Path) -> Iterator[Case | Trace | BadRow]:
        read = parquet_rows if file.name.endswith(PARQUET) else csv_rows
        rows = read(file)
        columns = set(next((row for _, row in read(file) if not isinstance(row, BadRow)), {}))
        if "trace" in columns:
            yield from convert(file, rows, lambda row, line: _trace(row, Source(name="tutorial", ref=_ref(file, line))))
            return
        label = next((name for name in ("expected_tool_name", "tool_name") if name in columns), None)
        if label is None or "query" not in columns:
            raise InputError(
                f"{file} has the columns {', '.join(sorted(columns))}, but the reader tutorial needs query and "
                "tool_name, or query and trace",
                "Give the path of a file with these columns.",
            )
        toolbox = offered_tools(file, self.tools)
        results = label == "expected_tool_name"

        def case(row: Row, line: int) -> Case:
            tool = row[label]
            return labelled_case(
                row["query"],
                [] if tool in _NONE else [tool],
                toolbox,
                Source(name="tutorial", ref=_ref(file, line)),
                licence=_LICENCE,
                tags={"difficulty": row.get("query_type") or ""},
                seen_unknown=results,
            )

        yield from convert(file, rows, case)


def _ref(file: Path, line: int) -> str:
    return f"{file.name}:{line}"


def trace_turns(row: Row) -> list[dict[str, Any]]:
    """Return the unchanged turns of a trace. The first turn is the prompt.

    Raises:
        ValueError: The row contains no list of at least three turns.
    """
    turns = json_or_literal(row["trace"]) if isinstance(row["trace"], str) else row["trace"]
    if not isinstance(turns, list) or len(turns) < 3 or not all(isinstance(turn, dict) for turn in turns):
        raise ValueError("a trace must have at least three turns: the tools, the query and an answer")
    return turns


def _trace(row: Row, source: Source) -> Trace:
    turns = trace_turns(row)
    toolbox = _toolbox(field(turns[0], "content", str))
    messages: list[Message] = []
    for turn in turns[1:]:
        messages.append(_turn(field(turn, "role", str), field(turn, "content", str), messages))
    tags = {"difficulty": row.get("query_type") or ""}
    read = conversation(messages, toolbox, source, _LICENCE, tags, any_call=True)
    kind = row.get("query_type")
    return read.model_copy(update={"query_type": kind}) if kind in ("easy", "hard", "no_tool") else read


def _toolbox(prompt: str) -> Toolbox:
    _, listed = split_tags(prompt, "tools")
    if len(listed) != 1:
        raise ValueError("the first turn must list the tools once between <tools> and </tools>")
    shown = strict_json(listed[0])
    if not isinstance(shown, list):
        raise ValueError("the tools between <tools> and </tools> must be a list")
    # The prompt does not say which arguments are required.
    return toolbox_of(
        tool_of({**tool, "parameters": flat_schema(tool.get("input_args", {}), required=())})
        for tool in shown
        if isinstance(tool, dict)
    )


def _turn(role: str, content: str, before: list[Message]) -> Message:
    if role == "assistant":
        text, bodies = split_tags(content, "tool_call")
        calls = _calls(bodies)
        if calls is None:
            return Message(role="assistant", content=content)
        outside, answers = split_tags(text, "final_answer")
        return Message(role="assistant", content="\n".join(answers) or outside, tool_calls=calls)
    if role != "user":
        raise ValueError(f"the role of a turn must be user or assistant, not {role!r:.80}")
    _, results = split_tags(content, "tool_result")
    if results:
        called = before[-1].tool_calls if before else ()
        return Message(role="tool", content="\n".join(results), name=called[0].name if called else None)
    return Message(role="user", content=content)


def _calls(bodies: list[str]) -> tuple[Call, ...] | None:
    """Return the calls that are written in `bodies`. Return None if a call cannot be read."""
    try:
        return tuple(call_of(strict_json(body)) for body in bodies)
    except ValueError:
        return None
