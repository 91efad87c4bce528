"""Reads Hammer's rows for instruction tuning: `{"instruction", "input", "output"}`.

The instruction contains sections, for example `[BEGIN OF QUERY]…[END OF QUERY]`. The section `AVAILABLE TOOLS` lists
the tools, and `QUERY` is the question. The output is a list of calls in a code fence. An empty list means that no tool
fits (MadeAgents/Hammer, data_processing.py).
"""

from __future__ import annotations

from toolmark.benchmark.core.strict_json import json_or_literal
from toolmark.benchmark.readers.file_rows import Row
from toolmark.benchmark.readers.row_conversion import field

__all__ = ["instruction_row"]


def instruction_row(row: Row) -> Row:
    """Convert an instruction row to the form `{"query", "tools", "answers"}`. Return any other row unchanged.

    Raises:
        ValueError: A section is missing, or the tools or calls cannot be read.
    """
    if "query" in row or "instruction" not in row:
        return row
    instruction = field(row, "instruction", str)
    output = field(row, "output", str).strip().removeprefix("```json").strip("`").strip()
    answers = json_or_literal(output)
    if isinstance(answers, dict) and isinstance(answers.get("tool_calls"), list):
        answers = answers["tool_calls"]
    read = {"query": _section(instruction, "QUERY"), "tools": json_or_literal(_section(instruction, "AVAILABLE TOOLS"))}
    return {**read, "answers": answers} | ({"id": row["id"]} if "id" in row else {})


def _section(text: str, name: str) -> str:
    opening, closing = f"[BEGIN OF {name}]", f"[END OF {name}]"
    start, end = text.find(opening), text.rfind(closing)
    if start < 0 or end < start:
        raise ValueError(f"the instruction has no section {opening}…{closing}")
    return text[start + len(opening) : end].strip()
