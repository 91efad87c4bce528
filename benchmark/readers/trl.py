"""Reads TRL's conversational datasets as JSONL (huggingface.co/docs/trl, "Dataset formats and types").

- The conversation is in the field `messages`, or the prompt is in `prompt` and the answer in `completion` or `chosen`.
  If a row is a preference, only the chosen answer is read.
- `tools` is a list of JSON Schemas, or the JSON text of a list.
- The arguments of a call are an object.

`toolmark generate` writes the same columns in Arrow files, which this reader does not read. To evaluate on generated
data, give the file `cases.test.jsonl` in the output folder.
"""

from __future__ import annotations

from typing import Any

from toolmark.benchmark.data.cases import Source
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.readers.chat_turns import chat_trace
from toolmark.benchmark.readers.file_rows import Row
from toolmark.benchmark.readers.row_conversion import RowReader, list_field

__all__ = ["TrlReader"]


class TrlReader(RowReader):
    """Reads conversations as traces. Each trace has a case that expects the first calls of the conversation."""

    name = "trl"
    endings = (".jsonl", ".json", ".jsonl.gz")

    def made(self, row: Row, ref: str) -> Trace:
        """Return the trace of a row."""
        return chat_trace(row, _turns(row), Source(name="trl", ref=ref))


def _turns(row: Row) -> list[Any]:
    if row.get("messages") is not None:
        return list_field(row, "messages")
    answer = row.get("chosen") if row.get("completion") is None else row["completion"]
    prompt = [] if row.get("prompt") is None else row["prompt"]
    if not isinstance(prompt, list) or not isinstance(answer, list):
        raise ValueError("a conversation must be in the field messages, or in prompt and completion (or chosen)")
    return [*prompt, *answer]
