"""Reads recorded answers from files that are not ledgers. A row contains one completion:

    {"case_id": …, "text": …, "tool_calls": [{"name": …, "arguments": …}], "stop_reason": "stop", "dialect": "json"}

| field | content |
|---|---|
| `case_id` or `case` | the id of the case, or the reference of the case in its collection, for example a BFCL id |
| `text` | the text that the model wrote; null if the model wrote none |
| `tool_calls` | native calls as the server sent them, with `arguments` as text that is not parsed |
| `stop_reason` | `stop` or `length`; if missing, it is unknown whether the model ended by itself |
| `dialect` | the dialect of the answer; if missing, the user must give `--dialect` |
| `epoch` | number of the repetition, from 1 |

A row must have `case_id` or `case`, and `text` or `tool_calls`. All other fields are optional. If the text ends with
the end token of a model, this token is removed (`end_tokens.py`). The token also shows that the model ended the answer
by itself, if the row has no `stop_reason`.

Rows of other formats are first converted to this format. Each of the other formats has a module of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolmark.benchmark.data.completions import MAX_EPOCH, Completion, RawCall, StopReason
from toolmark.benchmark.readers import BadRow
from toolmark.benchmark.readers.bfcl_recorded import as_recorded_answer
from toolmark.benchmark.readers.end_tokens import without_end_token
from toolmark.benchmark.readers.file_rows import Row, json_rows
from toolmark.benchmark.readers.row_conversion import UNREADABLE, field, reason
from toolmark.benchmark.readers.served_answers import from_server

__all__ = ["RecordedRow", "recorded_rows"]

_STOPS: tuple[StopReason, ...] = ("stop", "length", "unknown")
_FIELDS = frozenset({"case_id", "case", "epoch", "text", "tool_calls", "stop_reason", "usage", "dialect"})


@dataclass(frozen=True, slots=True)
class RecordedRow:
    """One recorded completion.

    Attributes:
        line: Line of the completion in the file.
        case: The id of the case, or the reference of the case in its collection.
        by_id: Whether `case` is the id of the case.
        epoch: Number of the repetition, from 1.
        completion: The completion.
        dialect: Dialect of the completion. None if the dialect is not recorded.
    """

    line: int
    case: str
    by_id: bool
    epoch: int
    completion: Completion
    dialect: str | None


def recorded_rows(path: Path) -> Iterator[RecordedRow | BadRow]:
    """Yield the rows of a recording, in order.

    Raises:
        InputError: The file cannot be read.
    """
    for line, row in json_rows(path):
        if isinstance(row, BadRow):
            yield row
            continue
        try:
            yield _row(from_server(as_recorded_answer(row)), line)
        except UNREADABLE as error:
            yield BadRow(path, line, reason(error))


def _row(row: Row, line: int) -> RecordedRow:
    if unknown := row.keys() - _FIELDS:
        raise ValueError(f"a recorded answer cannot have the field {sorted(unknown)[0]!r}")
    references = [key for key in ("case_id", "case") if key in row]
    if len(references) != 1:
        raise ValueError("a recorded answer must have exactly one of the fields case_id and case")
    epoch = row.get("epoch", 1)
    if type(epoch) is not int or not 1 <= epoch <= MAX_EPOCH:
        raise ValueError(f"the field epoch must be a whole number from 1 to {MAX_EPOCH}, not {epoch!r:.80}")
    stop: Any = row.get("stop_reason") or "unknown"
    if stop not in _STOPS:
        raise ValueError(f"the field stop_reason must be one of {', '.join(_STOPS)}, not {stop!r:.80}")
    dialect = row.get("dialect")
    if dialect is not None and not isinstance(dialect, str):
        raise ValueError(f"the field dialect must be a string, not {dialect!r:.80}")
    calls = row.get("tool_calls") or []
    if not isinstance(calls, list):
        raise ValueError(f"the field tool_calls must be a list, not {calls!r:.80}")
    if not {"text", "tool_calls"} & row.keys():
        raise ValueError("a recorded answer must have the field text, the field tool_calls, or both")
    text = row.get("text")
    if text is None:
        text = ""
    if not isinstance(text, str):
        raise ValueError(f"the field text must be a string, not {text!r:.80}")
    text, ended = without_end_token(text)
    if ended and stop == "unknown":
        stop = "stop"
    completion = Completion(text, tuple(map(_raw_call, calls)), stop)
    return RecordedRow(line, field(row, references[0], str), references[0] == "case_id", epoch, completion, dialect)


def _raw_call(call: Any) -> RawCall:
    if not isinstance(call, Mapping):
        raise ValueError(f"a native call must be an object with name and arguments, not {call!r:.80}")
    return RawCall(field(call, "name", str), field(call, "arguments", str))
