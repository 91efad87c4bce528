"""Reads OpenAI's chat and fine-tuning files: JSONL of `{"messages": [...], "tools": [...]}`.

These forms are read, too:

- the older fields `functions` and `function_call`
- the role `developer`
- content in parts
- the lines of a batch, where the request is in the field `body`
- preferences, `{"input": {"messages", "tools"}, "preferred_output": [...]}`, of which only the preferred answer is read

The arguments of a call are JSON text. The formats are described in the API reference of chat completions and in the
guides to fine-tuning and batches (platform.openai.com/docs).
"""

from __future__ import annotations

from toolmark.benchmark.data.cases import Source
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.readers.chat_turns import chat_trace
from toolmark.benchmark.readers.file_rows import Row
from toolmark.benchmark.readers.row_conversion import RowReader, inner_row, list_field

__all__ = ["OpenAiReader"]


class OpenAiReader(RowReader):
    """Reads conversations as traces. Each trace has a case that expects the first calls of the conversation."""

    name = "openai"
    endings = (".jsonl", ".jsonl.gz")

    def made(self, row: Row, ref: str) -> Trace:
        """Return the trace of a row."""
        request = inner_row(row, "body", "input")
        turns = list_field(request, "messages")
        preferred = list_field(row, "preferred_output") if row.get("preferred_output") is not None else []
        return chat_trace(request, [*turns, *preferred], Source(name="openai", ref=str(row.get("custom_id") or ref)))
