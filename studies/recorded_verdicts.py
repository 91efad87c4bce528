"""Reads recorded answers that BFCL has decoded and judged."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from studies.official import Switches, official
from toolmark.benchmark.data.cases import Call, Message
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.dialects.json import Json

__all__ = ["Official", "as_completion", "decoded_calls", "lines"]


def lines(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a JSONL file, which can be compressed."""
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


@cache
def _official_data(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return two mappings by the id of a case: the functions, and the possible answers. Both are in BFCL's form."""
    functions = {row["id"]: row["function"] for path in folder.glob("BFCL_*.json") for row in lines(path)}
    answers = folder / "possible_answer"
    return functions, {row["id"]: row["ground_truth"] for path in answers.glob("*.json") for row in lines(path)}


def decoded_calls(row: Mapping[str, Any]) -> tuple[Call, ...]:
    """Return the calls that BFCL decoded. If BFCL did not decode a list of calls, return ()."""
    decoded = row["official_decoded"]
    if not isinstance(decoded, list) or not all(isinstance(call, dict) for call in decoded):
        return ()
    calls = [(name, arguments) for call in decoded for name, arguments in call.items()]
    if not all(isinstance(arguments, dict) for _, arguments in calls):
        return ()
    return tuple(Call(name=name, arguments=arguments) for name, arguments in calls)


def as_completion(calls: Sequence[Call]) -> Completion:
    """Return calls as a completion in plain JSON, so that the whole judge is tested."""
    turn = Message(role="assistant", tool_calls=tuple(calls))
    question = Message(role="user", content="?")
    return Completion(Json().render((question, turn), ()).messages[-1].content if calls else "")


class Official:
    """The new implementation of BFCL's checker, applied to one recording.

    A recording does not say whether the model was shown names with dots or with underscores. The form that reproduces
    more verdicts is used.
    """

    def __init__(self, folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
        self._functions, self._truth = _official_data(folder)
        self._underscored = max((False, True), key=lambda way: self.rebuilt(rows, way))

    def verdict(self, row: Mapping[str, Any], on: Switches = frozenset(), underscored: bool | None = None) -> bool:
        """Return BFCL's verdict on the decoded calls of a row."""
        way = self._underscored if underscored is None else underscored
        case = row["case"]
        return official(self._functions[case], self._truth[case], row["official_decoded"], underscored=way, on=on)

    def rebuilt(self, rows: Sequence[Mapping[str, Any]], underscored: bool | None = None) -> int:
        """Return the number of rows for which the new implementation gives the recorded verdict."""
        return sum(self.verdict(row, underscored=underscored) is row["official_valid"] for row in rows)
