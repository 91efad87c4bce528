"""Reads xLAM's function-calling data, and data in the same form, for example Hammer: `{"query", "tools", "answers"}`.

- `tools` and `answers` are lists, or the JSON text of lists (Salesforce/xlam-function-calling-60k, README).
- The parameters of a tool are a JSON Schema or flat arguments,
  `{argument: {"type": "str, optional", "description", "default"}}`.
- An answer is `{"name", "arguments"}`, or `{"tool", "parameters"}`.
- `query` is a text, a list of texts, or a list of turns with the fields `role` and `content`.
- Hammer's rows for instruction tuning are read, too. See `hammer.py`.
- An empty list of answers means that no tool fits, as in Hammer's irrelevance data (MadeAgents/Hammer).
"""

from __future__ import annotations

from toolmark.benchmark.data.cases import Abstain, Case, ExpectCall, Message, Source
from toolmark.benchmark.readers.chat_turns import chat_turns, tools_of
from toolmark.benchmark.readers.expected_calls import calls_of, expected_calls, gold_fault
from toolmark.benchmark.readers.file_rows import Row
from toolmark.benchmark.readers.hammer import instruction_row
from toolmark.benchmark.readers.row_conversion import RowReader

__all__ = ["XlamReader"]


class XlamReader(RowReader):
    """Reads cases from queries with their tools and calls."""

    name = "xlam"
    endings = (".json", ".jsonl", ".json.gz", ".jsonl.gz")

    def made(self, row: Row, ref: str) -> Case:
        """Return the case of a row."""
        row = instruction_row(row)
        toolbox = tools_of({"tools": row.get("tools", row.get("tool"))})
        answers = row.get("answers", row.get("answer"))
        if answers is None:
            raise ValueError("the field answers is missing")
        calls = calls_of(answers)
        expect: ExpectCall | Abstain = (
            expected_calls(calls, toolbox) if calls else Abstain(action="abstain", reason="no_tool_fits")
        )
        return Case(
            messages=_messages(row.get("query")),
            toolbox=toolbox,
            expect=expect,
            source=Source(name="xlam", ref=str(row.get("id", ref))),
            licence="CC-BY-4.0",
            waiver=gold_fault(expect, toolbox),
        )


def _messages(query: object) -> tuple[Message, ...]:
    """Return the turns of a question.

    Raises:
        ValueError: The question is not a text, a list of texts, or a list of turns.
    """
    if isinstance(query, str):
        if not query.strip():
            raise ValueError("the query is empty")
        return (Message(role="user", content=query),)
    if not isinstance(query, list) or not query:
        raise ValueError(f"the field query must be a string or a list, not {query!r:.80}")
    if all(isinstance(part, str) for part in query):
        return (Message(role="user", content="\n".join(query)),)
    return chat_turns(query)
