"""Reads recorded completions, which are judged like the answers of a model. There are two kinds of recordings:

- A ledger. It is allowed to contain more cases than are judged.
- A file of recorded answers, in the format of another program. It belongs to one set of cases, so a row of another case
  is an error.

In both kinds, a case with two answers is an error. In a ledger, two answers with different keys are allowed
(`ledger.py`).
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.hashing import hash_files
from toolmark.benchmark.core.unpacking import first_line
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.data.completions import Completions
from toolmark.benchmark.readers import BadRow
from toolmark.benchmark.readers.recorded_answers import RecordedRow, recorded_rows
from toolmark.benchmark.runs.ledger import read_ledger
from toolmark.benchmark.scoring.conversations import Step

__all__ = ["Replay", "read_replay"]

_MAX_NAMED = 3
"""Highest number of wrong rows that an error lists."""


@dataclass(frozen=True, slots=True)
class Replay:
    """The content of a recording.

    Attributes:
        path: The file.
        dialect: The dialect of the answers. None if the file does not name a dialect.
        identity: The known fields of the run's identity. Only a ledger has the dialect among these fields.
        environment: The environment in which the answers were made.
        training: The training record of the weights. None if the recording has no training record.
        by_case: The completions of a ledger, by (case id, epoch). Empty for a file of recorded answers.
        rows: The rows of a file of recorded answers. Empty for a ledger.
        conversations: The steps of the conversations of a ledger, by (scenario id, epoch).
        worlds: The hash of the code of the world of each conversation, by (scenario id, epoch). Old ledgers lack it.
        too_long: Ids of the cases that were left out of the recorded run, because they do not fit into the context of
            the model. They can be among the answered cases, if an earlier session answered them.
    """

    path: Path
    dialect: str | None
    identity: Mapping[str, Any]
    environment: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] | None = None
    by_case: Completions = field(default_factory=dict)
    rows: tuple[RecordedRow, ...] = ()
    conversations: Mapping[tuple[str, int], Sequence[tuple[str, Step]]] = field(default_factory=dict)
    worlds: Mapping[tuple[str, int], str] = field(default_factory=dict)
    too_long: frozenset[str] = frozenset()

    @property
    def epochs(self) -> int:
        """Return the highest epoch of the recording."""
        recorded = (epoch for _, epoch in (*self.by_case, *self.conversations))
        return max((*recorded, *(row.epoch for row in self.rows)), default=1)

    def answers(self, cases: Sequence[Case], *, partial: bool = False, left_out: Collection[str] = ()) -> Completions:
        """Return the completions by (case id, epoch).

        Args:
            cases: All cases that the recording is allowed to answer.
            partial: If true, rows of other cases are ignored. If false, a row of another case is an error.
            left_out: References of the rows that were left out of the case files. Answers to these rows are ignored.

        Raises:
            InputError: A row belongs to no case or to several cases, or a case has two answers.
        """
        if not self.rows:
            return self.by_case
        ids = {case.id for case in cases}
        refs = Counter(case.source.ref for case in cases)
        by_ref = {case.source.ref: case.id for case in cases}
        rows = [row for row in self.rows if (row.case in ids if row.by_id else row.case in refs)]
        known = {*refs, *left_out}
        unknown = [row for row in self.rows if not (row.case in ids if row.by_id else row.case in known)]
        if unknown and not partial:
            raise InputError(
                f"{self.path} has answers to {len(unknown)} cases that are not in the case files: {_listed(unknown)}",
                "Give the cases of this recording: --cases READER:PATH",
            )
        if ambiguous := [row for row in rows if not row.by_id and refs[row.case] > 1]:
            raise InputError(
                f"{self.path} refers to cases that exist in several collections: {_listed(ambiguous)}",
                "Write the ids of these cases in the field case_id.",
            )
        answers: dict[tuple[str, int], RecordedRow] = {}
        for row in rows:
            case_epoch = (row.case if row.by_id else by_ref[row.case], row.epoch)
            if case_epoch in answers:
                raise InputError(
                    f"{self.path}: lines {answers[case_epoch].line} and {row.line} both answer case {row.case}",
                    "Remove one of the two lines, or give the lines different values in the field epoch.",
                )
            answers[case_epoch] = row
        return {case_epoch: row.completion for case_epoch, row in answers.items()}


def _listed(rows: Sequence[RecordedRow]) -> str:
    named = ", ".join(f"{row.case} (line {row.line})" for row in rows[:_MAX_NAMED])
    return f"{named}, …" if len(rows) > _MAX_NAMED else named


def read_replay(path: Path) -> Replay:
    """Return the content of a recording. The first line of the file shows whether the file is a ledger.

    Raises:
        InputError: The file cannot be read, a line is broken, or the rows have several dialects.
    """
    return _ledger(path) if _is_ledger(path) else _recording(path)


def _is_ledger(path: Path) -> bool:
    try:
        line = first_line(path)
        if not line.strip():
            return False  # An empty file is no ledger. It also contains no recorded answers, as the error then says.
        row = json.loads(line)
    except (OSError, EOFError, zlib.error, ValueError, RecursionError):
        return True  # the reader of ledgers then raises an error with the reason
    return isinstance(row, dict) and ("run" in row or "key" in row)


def _ledger(path: Path) -> Replay:
    recorded = read_ledger(path)
    if not recorded.runs:
        raise InputError(f"{path} has no run line, so the model is not known", "Give a complete ledger.jsonl.")
    if recorded.doubled:
        case_id, epoch = recorded.doubled[0]
        raise InputError(
            f"{path} has two answers to {len(recorded.doubled)} cases, from one question or from two models: the first "
            f"is {case_id}, epoch {epoch}",
            "Restore the file from a backup, or run the model again with --fresh.",
        )
    run = recorded.runs[-1]
    versioned = run["identity"].get("dialect")
    dialect = versioned.partition("/")[0] if isinstance(versioned, str) else None
    return Replay(
        path,
        dialect,
        run["identity"],
        run["environment"],
        run.get("training"),
        recorded.by_case,
        conversations=recorded.conversations,
        worlds=recorded.worlds,
        too_long=frozenset(run.get("too_long", ())),
    )


def _recording(path: Path) -> Replay:
    rows: list[RecordedRow] = []
    for row in recorded_rows(path):
        if isinstance(row, BadRow):
            raise InputError(f"{row.place}: {row.reason}", "Correct the row, or remove it.")
        rows.append(row)
    if not rows:
        raise InputError(f"{path} contains no answers", "Give a ledger.jsonl, or a file of recorded answers.")
    dialects = sorted({str(row.dialect) for row in rows})
    if len(dialects) > 1:
        raise InputError(
            f"{path} contains answers in several dialects: {', '.join(dialects)}", "Write one file for each dialect."
        )
    identity = {
        "model": path.name,
        "weights": "not known: recorded elsewhere",
        "recording": hash_files([path]),
        "decoding": "not known",
    }
    return Replay(path, rows[0].dialect, identity, rows=tuple(rows))
