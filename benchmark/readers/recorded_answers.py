"""Recorded answers that are no ledger: one row a completion, so that anything that was ever said can be judged again.

    {"case_id": …, "text": …, "tool_calls": [{"name": …, "arguments": …}], "stop_reason": "stop", "dialect": "json"}

The case is named by `case_id`, or by `case`, its reference inside its own collection (a BFCL id). `tool_calls` are
native calls as the server sent them: `arguments` is its unparsed text. All other fields may be missing: without a
`stop_reason` nobody knows whether the model ended by itself, without a `dialect` it is chosen with `--dialect`; `epoch`
counts from 1.

Rows of another shape are mapped to this one first; each shape has its module.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolmark.benchmark.data.completions import Completion, RawCall, StopReason
from toolmark.benchmark.readers import BadRow
from toolmark.benchmark.readers.bfcl_recorded import mapped
from toolmark.benchmark.readers.file_rows import Row, json_rows
from toolmark.benchmark.readers.row_conversion import field, reason

__all__ = ["RecordedRow", "recorded_rows"]

_STOPS: tuple[StopReason, ...] = ("stop", "length", "unknown")
_FIELDS = frozenset({"case_id", "case", "epoch", "text", "tool_calls", "stop_reason", "usage", "dialect"})


@dataclass(frozen=True, slots=True)
class RecordedRow:
    """One recorded completion.

    Attributes:
        line: Where it stands in its file.
        case: The case's id, or its reference inside its collection.
        by_id: Whether it is the id.
        epoch: 1, or the repetition.
        completion: What was said.
        dialect: In which dialect; None where the recording does not say.
    """

    line: int
    case: str
    by_id: bool
    epoch: int
    completion: Completion
    dialect: str | None


def recorded_rows(path: Path) -> Iterator[RecordedRow | BadRow]:
    """The rows of a recording, in order. Raises `InputError` where the file cannot be read."""
    for line, row in json_rows(path):
        if isinstance(row, BadRow):
            yield row
            continue
        try:
            yield _row(mapped(row), line)
        except ValueError as error:
            yield BadRow(path, line, reason(error))


def _row(row: Row, line: int) -> RecordedRow:
    if unknown := row.keys() - _FIELDS:
        raise ValueError(f"a recorded answer has no field {sorted(unknown)[0]!r}")
    named = [key for key in ("case_id", "case") if key in row]
    if len(named) != 1:
        raise ValueError("a recorded answer names its case once: by case_id, or by case, its reference")
    epoch = row.get("epoch", 1)
    if type(epoch) is not int or epoch < 1:
        raise ValueError(f"the field epoch is a number from 1, not {epoch!r:.80}")
    stop = row.get("stop_reason") or "unknown"
    if stop not in _STOPS:
        raise ValueError(f"the field stop_reason is one of {', '.join(_STOPS)}, not {stop!r:.80}")
    dialect = row.get("dialect")
    if dialect is not None and not isinstance(dialect, str):
        raise ValueError(f"the field dialect is a str, not {dialect!r:.80}")
    calls = row.get("tool_calls") or []
    if not isinstance(calls, list):
        raise ValueError(f"the field tool_calls is a list, not {calls!r:.80}")
    text = row.get("text")
    if text is None and calls:
        text = ""
    if not isinstance(text, str):
        raise ValueError("a recorded answer has the field text, the field tool_calls, or both")
    completion = Completion(text, tuple(map(_raw_call, calls)), stop)
    return RecordedRow(line, field(row, named[0], str), named[0] == "case_id", epoch, completion, dialect)


def _raw_call(call: Any) -> RawCall:
    if isinstance(call, Mapping) and isinstance(call.get("function"), Mapping):
        call = call["function"]
    if not isinstance(call, Mapping):
        raise ValueError(f"a native call is an object with name and arguments, not {call!r:.80}")
    return RawCall(field(call, "name", str), field(call, "arguments", str))
