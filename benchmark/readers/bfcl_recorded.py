"""Reads recorded answers to BFCL: `{"case", "category", "dialect", "raw", "official_decoded", "official_valid", …}`.

- `dialect` contains the name of a BFCL handler. `xlam` means the dialect `json`, and `openai` means the dialect
  `native`. Any other name is the name of a dialect.
- `raw` contains the recorded output as a text. For `openai`, `raw` can be a list `[{name: arguments as text}, …]`.
- `official_decoded` and `official_valid` contain BFCL's own verdict. These fields are not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolmark.benchmark.readers.file_rows import Row
from toolmark.benchmark.readers.row_conversion import field

__all__ = ["as_recorded_answer"]

_DIALECTS: Mapping[str, str] = {"xlam": "json", "openai": "native"}


def as_recorded_answer(row: Row) -> Row:
    """Convert a row of this format to the format of `recorded_answers.py`. Return any other row unchanged.

    Raises:
        ValueError: A field is wrong.
    """
    if "raw" not in row:
        return row
    dialect = field(row, "dialect", str)
    answer: dict[str, Any] = {"case": field(row, "case", str), "dialect": _DIALECTS.get(dialect, dialect)}
    raw = row["raw"]
    if isinstance(raw, str):
        return {**answer, "text": raw}
    if not isinstance(raw, list):
        raise ValueError(f"the field raw must be a string or a list of calls, not {raw!r:.80}")
    return {**answer, "text": "", "tool_calls": [_call(call) for call in raw]}


def _call(call: Any) -> dict[str, Any]:
    if not isinstance(call, Mapping) or len(call) != 1:
        raise ValueError(f"a raw call must be {{name: arguments as text}}, not {call!r:.80}")
    ((name, arguments),) = call.items()
    return {"name": name, "arguments": arguments}
