"""Reads When2Call (README of NVIDIA/When2Call), which tests when a model should call, ask for an argument, or decline.

A test row has the fields `uuid`, `source_id`, `question`, `correct_answer`, `answers`, `target_tool`, `tools` and
`held_out_param`. All rows that were made from the same BFCL question are one cluster. `correct_answer` is one of these
values:

* `tool_call`: The call is in `answers`.
* `request_for_info`: A required argument was removed from the question.
* `cannot_answer`: No tool fits.
* `direct`: The model should answer without a tool.

A training row is `{"tools", "messages"}`. The answer is the last turn, or is in the field `chosen_response`. Calls are
between `<TOOLCALL>` tags. Training rows are read as traces.
"""

from __future__ import annotations

from typing import Any, Literal

from toolmark.benchmark.data.cases import Abstain, Case, ExpectCall, Message, Source, Toolbox
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.readers.chat_turns import chat_turns, tools_of
from toolmark.benchmark.readers.conversations import conversation
from toolmark.benchmark.readers.expected_calls import calls_of, expected_calls, gold_fault
from toolmark.benchmark.readers.file_rows import Row
from toolmark.benchmark.readers.row_conversion import RowReader, field, list_field
from toolmark.benchmark.readers.tool_formats import tool_of

__all__ = ["When2CallReader"]

_LICENCE = "CC-BY-4.0"
_REASONS: dict[str, Literal["no_tool_needed", "missing_argument", "no_tool_fits"]] = {
    "direct": "no_tool_needed",
    "request_for_info": "missing_argument",
    "cannot_answer": "no_tool_fits",
}


class When2CallReader(RowReader):
    """Reads test rows as cases and training rows as traces."""

    name = "when2call"
    endings = (".jsonl", ".jsonl.gz")

    def made(self, row: Row, ref: str) -> Case | Trace:
        """Return the case or the trace of a row."""
        return _case(row) if "correct_answer" in row else _trace(row, Source(name="when2call", ref=ref))


def _case(row: Row) -> Case:
    toolbox = tools_of(row)
    expect = _expected(row, toolbox)
    question = field(row, "question", str)
    if not question.strip():
        raise ValueError("the question is empty")
    return Case(
        messages=(Message(role="user", content=question),),
        toolbox=toolbox,
        expect=expect,
        group=f"when2call:{row['source_id']}" if row.get("source_id") else "",
        tags={"category": field(row, "correct_answer", str)},
        source=Source(name="when2call", ref=field(row, "uuid", str)),
        licence=_LICENCE,
        waiver=gold_fault(expect, toolbox),
    )


def _expected(row: Row, toolbox: Toolbox) -> ExpectCall | Abstain:
    answer = field(row, "correct_answer", str)
    if answer == "tool_call":
        return expected_calls(calls_of(field(field(row, "answers", dict), "tool_call", str)), toolbox)
    if answer not in _REASONS:
        raise ValueError(f"correct_answer must be tool_call or one of {', '.join(_REASONS)}, not {answer!r:.80}")
    reason = _REASONS[answer]
    if reason != "missing_argument":
        return Abstain(action="abstain", reason=reason)
    missing = row.get("held_out_param")
    return Abstain(
        action="abstain",
        reason=reason,
        tool=_name(row.get("target_tool")),
        missing=missing if isinstance(missing, str) else None,
    )


def _name(tool: Any) -> str | None:
    """Return the name of a tool. `tool` is the name, or the definition of the tool as JSON text."""
    if not isinstance(tool, str) or not tool.strip():
        return None
    return tool_of(tool).name if tool.lstrip().startswith("{") else tool


def _trace(row: Row, source: Source) -> Trace:
    turns = list_field(row, "messages")
    if isinstance(row.get("chosen_response"), dict):
        turns.append(row["chosen_response"])
    return conversation(chat_turns(turns), tools_of(row), source, _LICENCE)
