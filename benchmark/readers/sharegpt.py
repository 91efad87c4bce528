"""Reads ShareGPT with function calls: `{"conversations": [{"from", "value"}, …], "tools": …, "system": …}`.

Two variants are read:

* LLaMA-Factory: A turn from `function_call` contains one call or a list of calls as JSON, perhaps after a thought. A
  turn from `observation` contains a result (hiyouga/LLaMA-Factory, data/README.md and
  data/glaive_toolcall_en_demo.json). In ms-swift, these turns are from `tool_call` and `tool_response`.
* Hermes: A turn from `gpt` contains a call as JSON between `<tool_call>` tags. A turn from `tool` contains a result
  between `<tool_response>` tags (NousResearch/hermes-function-calling-v1).

`conversations` and `tools` are lists, or the JSON text of lists. If `tools` is missing, no tool is offered. A row with
a call is then a bad row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolmark.benchmark.data.cases import Message, Source
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.readers.chat_turns import content_of_call, tools_of, turn_weight
from toolmark.benchmark.readers.conversations import conversation
from toolmark.benchmark.readers.file_rows import Row
from toolmark.benchmark.readers.row_conversion import RowReader, field, list_field
from toolmark.benchmark.readers.tagged_text import split_tags

__all__ = ["ShareGptReader"]

_ROLES: Mapping[str, str] = {
    "system": "system",
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "function_call": "assistant",
    "tool_call": "assistant",
    "observation": "tool",
    "tool": "tool",
    "tool_response": "tool",
}


class ShareGptReader(RowReader):
    """Reads conversations as traces. Each trace has a case that expects the first calls of the conversation."""

    name = "sharegpt"
    endings = (".json", ".jsonl", ".json.gz", ".jsonl.gz")

    def made(self, row: Row, ref: str) -> Trace:
        """Return the trace of a row."""
        turns = [_turn(turn) for turn in list_field(row, "conversations")]
        if isinstance(row.get("system"), str) and row["system"].strip():
            turns.insert(0, Message(role="system", content=row["system"]))
        return conversation(turns, tools_of(row), Source(name="sharegpt", ref=str(row.get("id") or ref)), "unknown")


def _turn(turn: Any) -> Message:
    if not isinstance(turn, Mapping) or str(turn.get("from")) not in _ROLES:
        raise ValueError(f"the field from of a turn must be one of {', '.join(_ROLES)}: {turn!r:.80}")
    value = field(turn, "value", str)
    role: Any = _ROLES[turn["from"]]
    if role == "assistant":
        said = content_of_call(value) if turn["from"] in ("function_call", "tool_call") else {"content": value}
        return Message(role=role, **said, **turn_weight(turn))
    if role == "tool":
        _, bodies = split_tags(value, "tool_response")
        return Message(role=role, content="\n".join(bodies) or value)
    return Message(role=role, content=value)
