"""Recorded completions as a candidate: a ledger, or rows that somebody else recorded.

A ledger grows with every case that its candidate ever answered, so it may hold more cases than are judged. A recording
is of one set of cases: a row of a case that is not there is an error, as is a case that is answered twice.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolmark.benchmark.candidates.fingerprint import hash_files
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.data.completions import Completion
from toolmark.benchmark.readers import BadRow
from toolmark.benchmark.readers.recorded_answers import RecordedRow, recorded_rows
from toolmark.benchmark.runs.ledger import read_ledger

__all__ = ["Replay", "read_replay"]

_NAMED = 3
"""Offending rows or cases that an error names."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What a recording holds.

    Attributes:
        path: The file.
        dialect: In which dialect the answers are; None where it does not say.
        identity: What may change a completion, as far as it is known; without the dialect's version.
        environment: Where they were made.
        training: The trainer's record of the weights, where the recording has one.
        by_case: Completions of a ledger, by (case id, epoch).
        rows: Rows of any other recording.
    """

    path: Path
    dialect: str | None
    identity: Mapping[str, Any]
    environment: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] | None = None
    by_case: Mapping[tuple[str, int], Completion] = field(default_factory=dict)
    rows: tuple[RecordedRow, ...] = ()

    @property
    def epochs(self) -> int:
        """The last epoch that it holds."""
        return max((*(epoch for _, epoch in self.by_case), *(row.epoch for row in self.rows)), default=1)

    def answers(self, cases: Sequence[Case], *, partial: bool = False) -> Mapping[tuple[str, int], Completion]:
        """Completions by (case id, epoch).

        Args:
            cases: All cases that may be judged.
            partial: Rows of other cases are left out.

        Raises:
            InputError: A row names a case that is not among `cases`, or more than one, or a case is answered twice.
        """
        if not self.rows:
            return self.by_case
        ids = {case.id for case in cases}
        refs = Counter(case.source.ref for case in cases)
        by_ref = {case.source.ref: case.id for case in cases}
        known = [row for row in self.rows if (row.case in ids if row.by_id else row.case in refs)]
        if len(known) < len(self.rows) and not partial:
            unknown = [row for row in self.rows if not (row.case in ids if row.by_id else row.case in refs)]
            raise InputError(
                f"{self.path} answers {len(unknown)} cases that are not there: {_listed(unknown)}",
                "Replay it on the cases that it was recorded on: --cases READER:PATH",
            )
        if ambiguous := [row for row in known if not row.by_id and refs[row.case] > 1]:
            raise InputError(
                f"{self.path} names cases that several collections have: {_listed(ambiguous)}",
                "Name them by case_id.",
            )
        found: dict[tuple[str, int], RecordedRow] = {}
        for row in known:
            place = (row.case if row.by_id else by_ref[row.case], row.epoch)
            if place in found:
                raise InputError(
                    f"{self.path}:{row.line} answers the case {row.case} again, as line {found[place].line} does",
                    "Keep one of them; answers drawn several times are told apart by epoch.",
                )
            found[place] = row
        return {place: row.completion for place, row in found.items()}


def _listed(rows: Sequence[RecordedRow]) -> str:
    named = ", ".join(f"{row.case} (line {row.line})" for row in rows[:_NAMED])
    return f"{named}, …" if len(rows) > _NAMED else named


def read_replay(path: Path) -> Replay:
    """Read a ledger or a recording, told by their first line.

    Raises:
        InputError: It cannot be read, a line of it is broken, or its rows are of several dialects.
    """
    return _ledger(path) if _is_ledger(path) else _recording(path)


def _is_ledger(path: Path) -> bool:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            row = json.loads(stream.readline())
    except (OSError, EOFError, zlib.error, ValueError, RecursionError):
        return True  # whose reader says best what is wrong
    return isinstance(row, dict) and ("run" in row or "key" in row)


def _ledger(path: Path) -> Replay:
    recorded = read_ledger(path)
    if not recorded.runs:
        raise InputError(f"{path} has no run line, so nobody knows who gave it", "Name a whole ledger.jsonl.")
    if recorded.doubled:
        case_id, epoch = recorded.doubled[0]
        raise InputError(
            f"{path} answers {len(recorded.doubled)} cases twice: first {case_id}, epoch {epoch}",
            "Restore the file from a copy, or run its candidate again with --fresh.",
        )
    run = recorded.runs[-1]
    spoken = run["identity"].get("dialect")
    dialect = spoken.partition("/")[0] if isinstance(spoken, str) else None
    return Replay(path, dialect, run["identity"], run["environment"], run.get("training"), recorded.by_case)


def _recording(path: Path) -> Replay:
    rows: list[RecordedRow] = []
    for row in recorded_rows(path):
        if isinstance(row, BadRow):
            raise InputError(f"{row.place}: {row.reason}", "Correct the row, or take it out.")
        rows.append(row)
    if not rows:
        raise InputError(f"{path} holds no answer", "Name a ledger.jsonl, or a file of recorded answers.")
    spoken = sorted({str(row.dialect) for row in rows})
    if len(spoken) > 1:
        raise InputError(f"{path} mixes dialects: {', '.join(spoken)}", "Write one file for each.")
    identity = {
        "model": path.name,
        "weights": "not known: recorded elsewhere",
        "recording": hash_files([path]),
        "decoding": "not known",
    }
    return Replay(path, rows[0].dialect, identity, rows=tuple(rows))
