"""What models answered to BFCL: `{"case", "category", "dialect", "raw", "official_decoded", "official_valid", …}`.

`raw` is the output as it was recorded. Dialects are named after the handlers of BFCL: `xlam` is bare JSON; `openai` is
native calls, where a list `[{name: arguments as text}]` is raw calls and a string is text; the others have our names.
BFCL's own verdict stands beside it and is no business of a replay.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolmark.benchmark.readers.file_rows import Row
from toolmark.benchmark.readers.row_conversion import field

__all__ = ["mapped"]

_DIALECTS: Mapping[str, str] = {"xlam": "json", "openai": "native"}


def mapped(row: Row) -> Row:
    """`row` as a recorded answer; a row of another shape as it is. Raises `ValueError`."""
    if "raw" not in row:
        return row
    dialect = field(row, "dialect", str)
    answer: dict[str, Any] = {"case": field(row, "case", str), "dialect": _DIALECTS.get(dialect, dialect)}
    raw = row["raw"]
    if isinstance(raw, str):
        return {**answer, "text": raw}
    if not isinstance(raw, list):
        raise ValueError(f"the field raw is text or a list of calls, not {raw!r:.80}")
    return {**answer, "text": "", "tool_calls": [_call(call) for call in raw]}


def _call(call: Any) -> dict[str, Any]:
    if not isinstance(call, Mapping) or len(call) != 1:
        raise ValueError(f"a raw call is {{name: arguments as text}}, not {call!r:.80}")
    ((name, arguments),) = call.items()
    return {"name": name, "arguments": arguments}
